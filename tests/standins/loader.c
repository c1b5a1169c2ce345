/* Stand-ins for what macOS' loader (_dyld_*) and Windows' kernel32 tell of the files that are in a process.
 *
 * STANDIN_LOADED   the files, a line each; an empty line is one that has no name (any more)
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

enum { MOST = 64, LONGEST = 256 };

static char files[MOST][LONGEST];

static uint32_t count(void) {
    const char *at = getenv("STANDIN_LOADED");
    uint32_t found = 0;
    while (at && *at && found < MOST) {
        size_t length = strcspn(at, "\n");
        memcpy(files[found], at, length);
        files[found++][length] = 0;
        at += length + (at[length] == '\n');
    }
    return found;
}

uint32_t _dyld_image_count(void) { return count(); }
const char *_dyld_get_image_name(uint32_t index) { return files[index][0] ? files[index] : NULL; }

void *GetCurrentProcess(void) { return (void *)(intptr_t)-1; }

int K32EnumProcessModules(void *process, void **modules, uint32_t size, uint32_t *needed) {
    uint32_t found = count();
    if (process != GetCurrentProcess() || !found) return 0;
    for (uint32_t index = 0; index < found && index < size / sizeof(void *); index++) modules[index] = files[index];
    *needed = found * (uint32_t)sizeof(void *);
    return 1;
}

uint32_t GetModuleFileNameW(void *module, wchar_t *name, uint32_t size) {
    size_t length = mbstowcs(name, module, size);
    return length == (size_t)-1 ? 0 : (uint32_t)length;
}
