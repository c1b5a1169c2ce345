/* A stand-in for libcuda.so.1: answers as the variables say.
 *
 * STANDIN_CUINIT         what cuInit returns (default 0); "hang" and "abort" misbehave
 * STANDIN_CUDA_VERSION   what cuDriverGetVersion tells (default 12060)
 * STANDIN_CUDA_DEVICES   how many devices (default 2); CUDA_VISIBLE_DEVICES hides them as the real one does
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int number(const char *name, int otherwise) {
    const char *value = getenv(name);
    return value && *value ? atoi(value) : otherwise;
}

static int devices(void) {
    const char *visible = getenv("CUDA_VISIBLE_DEVICES");
    int present = number("STANDIN_CUDA_DEVICES", 2), count = 0;
    if (!visible) return present;
    /* The list ends at the first entry that names no device. */
    for (const char *at = visible; *at; at++) {
        char *end;
        long index = strtol(at, &end, 10);
        if (end == at || index < 0 || index >= present) break;
        count++;
        if (*end != ',') break;
        at = end;
    }
    return count;
}

int cuInit(unsigned flags) {
    const char *answer = getenv("STANDIN_CUINIT");
    (void)flags;
    if (answer && !strcmp(answer, "hang")) for (;;) sleep(1);
    if (answer && !strcmp(answer, "abort")) abort();
    int code = number("STANDIN_CUINIT", 0);
    return code == 0 && devices() == 0 ? 100 : code;
}

int cuDriverGetVersion(int *version) { *version = number("STANDIN_CUDA_VERSION", 12060); return 0; }
int cuDeviceGetCount(int *count) { *count = devices(); return 0; }
int cuDeviceGet(int *device, int ordinal) { *device = ordinal; return ordinal < devices() ? 0 : 101; }
int cuDeviceGetName(char *name, int length, int device) {
    (void)device;
    snprintf(name, (size_t)length, "NVIDIA A100-SXM4-80GB");
    return 0;
}
int cuDeviceGetAttribute(int *value, int attribute, int device) {
    (void)device;
    *value = attribute == 75 ? 8 : 0; /* compute capability 8.0 */
    return 0;
}
int cuDeviceTotalMem_v2(size_t *bytes, int device) { (void)device; *bytes = (size_t)80 << 30; return 0; }
