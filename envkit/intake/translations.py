"""What systems say in other languages, as they say it in English: one place, so that every format reads English alone.

Windows, glibc, bash and PowerShell translate their messages; Python, CUDA, pip and conda do not. A row holds the
English words and what stands in their place elsewhere (German, French, Spanish, Russian, Chinese, Japanese, Korean).
"""

# ruff: noqa: RUF001 - letters of other alphabets are what this is about

_ROWS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "No such file or directory",
        (
            "Datei oder Verzeichnis nicht gefunden",
            "Aucun fichier ou dossier de ce type",
            "Aucun fichier ou dossier de ce nom",
            "No existe el archivo o el directorio",
            "No existe el fichero o el directorio",
            "Нет такого файла или каталога",
            "没有那个文件或目录",
            "沒有此一檔案或目錄",
            "そのようなファイルやディレクトリはありません",
            "그런 파일이나 디렉터리가 없습니다",
        ),
    ),
    (
        "No space left on device",
        (
            "Auf dem Gerät ist kein Speicherplatz mehr verfügbar",
            "Aucun espace disponible sur le périphérique",
            "No queda espacio en el dispositivo",
            "На устройстве не осталось свободного места",
            "设备上没有空间",
            "裝置上已無多餘空間",
            "デバイスに空き領域がありません",
            "장치에 남은 공간이 없음",
        ),
    ),
    (
        "Permission denied",
        (
            "Keine Berechtigung",
            "Permission non accordée",
            "Permiso denegado",
            "Отказано в доступе",
            "权限不够",
            "许可被拒绝",
            "許可がありません",
            "허가 거부",
        ),
    ),
    (
        "Cannot allocate memory",
        (
            "Nicht genügend Hauptspeicher verfügbar",
            "Ne peut allouer de la mémoire",
            "Impossible d'allouer de la mémoire",
            "No se pudo asignar memoria",
            "Невозможно выделить память",
            "无法分配内存",
            "メモリを確保できません",
        ),
    ),
    (
        "Bus error",
        ("Bus-Zugriffsfehler", "Erreur du bus", "Error del bus", "总线错误", "バスエラー"),
    ),
    (
        "Segmentation fault",
        (
            "Speicherzugriffsfehler",
            "Erreur de segmentation",
            "Violación de segmento",
            "段错误",
            "段錯誤",
            "セグメンテーション違反",
            "세그멘테이션 오류",
        ),
    ),
    (
        "command not found",
        (
            "Kommando nicht gefunden",
            "Befehl nicht gefunden",
            "commande introuvable",
            "orden no encontrada",
            "no se encontró la orden",
            "команда не найдена",
            "未找到命令",
            "找不到命令",
            "コマンドが見つかりません",
            "명령을 찾을 수 없음",
        ),
    ),
    (
        "cannot open shared object file",
        (
            "Kann die Shared-Object-Datei nicht öffnen",
            "ne peut ouvrir le fichier d'objet partagé",
            "Ne peut ouvrir le fichier d'objet partagé",
            "no se puede abrir el archivo del objeto compartido",
            "无法打开共享对象文件",
            "无法打开共享目标文件",
            "無法開啟共享物件檔",
            "共有オブジェクトファイルを開けません",
            "共有オブジェクトファイルを開くことができません",
        ),
    ),
    (
        " is not recognized as an internal or external command",
        (
            " ist entweder falsch geschrieben oder konnte nicht gefunden werden",
            " n'est pas reconnu en tant que commande interne",
            " no se reconoce como un comando interno o externo",
            " не является внутренней или внешней",
            " 不是内部或外部命令",
            " 不是內部或外部命令",
            " は、内部コマンドまたは外部コマンド",
            "은(는) 내부 또는 외부 명령",
        ),
    ),
    (
        " is not recognized as the name of a cmdlet",
        (
            " wurde nicht als Name eines Cmdlet",
            " n'est pas reconnu comme nom d'applet de commande",
            " no se reconoce como nombre de un cmdlet",
            "项识别为 cmdlet",
            "' は、コマンドレット",
        ),
    ),
    (
        "The specified module could not be found",
        (
            "Das angegebene Modul wurde nicht gefunden",
            "Le module spécifié est introuvable",
            "No se puede encontrar el módulo especificado",
            "No se encontró el módulo especificado",
            "Не найден указанный модуль",
            "找不到指定的模块",
            "找不到指定的模組",
            "指定されたモジュールが見つかりません",
            "지정된 모듈을 찾을 수 없습니다",
        ),
    ),
    (
        "The specified procedure could not be found",
        (
            "Die angegebene Prozedur wurde nicht gefunden",
            "La procédure spécifiée est introuvable",
            "No se encontró el proceso especificado",
            "Не найдена указанная процедура",
            "找不到指定的程序",
            "指定されたプロシージャが見つかりません",
            "지정된 프로시저를 찾을 수 없습니다",
        ),
    ),
    (
        "A dynamic link library (DLL) initialization routine failed",
        (
            "Eine DLL-Initialisierungsroutine ist fehlgeschlagen",
            "Une routine d'initialisation d'une bibliothèque de liens dynamiques (DLL) a échoué",
            "Error en una rutina de inicialización de biblioteca de vínculos dinámicos (DLL)",
            "Произошел сбой в программе инициализации библиотеки динамической компоновки (DLL)",
            "动态链接库(DLL)初始化例程失败",
            "動態連結程式庫 (DLL) 初始化例行程序失敗",
            "ダイナミック リンク ライブラリ (DLL) 初期化ルーチンの実行に失敗しました",
            "DLL 초기화 루틴을 실행할 수 없습니다",
        ),
    ),
    (
        "is not a valid Win32 application",
        (
            "ist keine zulässige Win32-Anwendung",
            "n'est pas une application Win32 valide",
            "no es una aplicación Win32 válida",
            "не является приложением Win32",
            "不是有效的 Win32 应用程序",
            "は有効な Win32 アプリケーションではありません",
        ),
    ),
    (
        "The paging file is too small for this operation to complete",
        (
            "Die Auslagerungsdatei ist zu klein, um diesen Vorgang durchzuführen",
            "Le fichier de pagination est insuffisant pour terminer cette opération",
            "El archivo de paginación es demasiado pequeño para completar la operación",
            "Файл подкачки слишком мал для завершения операции",
            "页面文件太小,无法完成操作",
            "页面文件太小，无法完成操作",
            "頁面檔太小，無法完成操作",
            "ページング ファイルが小さすぎるため、この操作を完了できません",
            "이 작업을 완료하기 위한 페이징 파일이 너무 작습니다",
        ),
    ),
    (
        "There is not enough space on the disk",
        (
            "Es steht nicht genug Speicherplatz auf dem Datenträger zur Verfügung",
            "Espace insuffisant sur le disque",
            "Espacio en disco insuficiente",
            "Недостаточно места на диске",
            "磁盘空间不足",
            "磁碟空間不足",
            "ディスクに十分な空き領域がありません",
            "디스크 공간이 부족합니다",
        ),
    ),
    (
        "The system cannot find the file specified",
        (
            "Das System kann die angegebene Datei nicht finden",
            "Le fichier spécifié est introuvable",
            "El sistema no puede encontrar el archivo especificado",
            "Не удается найти указанный файл",
            "系统找不到指定的文件",
            "系統找不到指定的檔案",
            "指定されたファイルが見つかりません",
            "지정된 파일을 찾을 수 없습니다",
        ),
    ),
    (
        "Access is denied",
        (
            "Zugriff verweigert",
            "Accès refusé",
            "Acceso denegado",
            "拒绝访问",
            "存取被拒",
            "アクセスが拒否されました",
            "액세스가 거부되었습니다",
        ),
    ),
)

_ASCII = tuple((other, english) for english, others in _ROWS for other in others if other.isascii())
_OTHER = tuple((other, english) for english, others in _ROWS for other in others if not other.isascii())


def in_english(text: str) -> str:
    """Return text with the messages of systems as these say them in English."""
    for other, english in _ASCII:
        if other in text:
            text = text.replace(other, english)
    if text.isascii():
        return text
    foreign = "\n".join({line for line in text.split("\n") if not line.isascii()})
    for other, english in _OTHER:
        if other in foreign:
            text = text.replace(other, english)
    return text
