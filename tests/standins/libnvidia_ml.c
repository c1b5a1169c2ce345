/* A stand-in for libnvidia-ml.so.1: answers as the variables say.
 *
 * STANDIN_NVML_INIT      what nvmlInit returns (default 0; 9 driver not loaded, 18 library mismatch); "hang", "abort"
 * STANDIN_DRIVER         the driver's version (default 560.35.03)
 * STANDIN_NVML_DEVICES   how many devices (default 2)
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct { int index; } Device;
static Device table[16];

static int number(const char *name, int otherwise) {
    const char *value = getenv(name);
    return value && *value ? atoi(value) : otherwise;
}

static int start(void) {
    const char *answer = getenv("STANDIN_NVML_INIT");
    if (answer && !strcmp(answer, "hang")) for (;;) sleep(1);
    if (answer && !strcmp(answer, "abort")) abort();
    return number("STANDIN_NVML_INIT", 0);
}

int nvmlInit_v2(void) { return start(); }
int nvmlInitWithFlags(unsigned flags) { (void)flags; return start(); }
int nvmlShutdown(void) { return 0; }
const char *nvmlErrorString(int code) { (void)code; return "stand-in error"; }
int nvmlSystemGetDriverVersion(char *version, unsigned length) {
    const char *driver = getenv("STANDIN_DRIVER");
    snprintf(version, length, "%s", driver ? driver : "560.35.03");
    return 0;
}
int nvmlSystemGetCudaDriverVersion_v2(int *version) { *version = number("STANDIN_CUDA_VERSION", 12060); return 0; }
int nvmlDeviceGetCount_v2(unsigned *count) { *count = (unsigned)number("STANDIN_NVML_DEVICES", 2); return 0; }
int nvmlDeviceGetHandleByIndex_v2(unsigned index, Device **device) {
    if ((int)index >= number("STANDIN_NVML_DEVICES", 2)) return 2;
    table[index].index = (int)index;
    *device = &table[index];
    return 0;
}
int nvmlDeviceGetName(Device *device, char *name, unsigned length) {
    (void)device;
    snprintf(name, length, "NVIDIA A100-SXM4-80GB");
    return 0;
}
int nvmlDeviceGetUUID(Device *device, char *uuid, unsigned length) {
    snprintf(uuid, length, "GPU-00000000-0000-0000-0000-00000000000%d", device->index);
    return 0;
}
int nvmlDeviceGetCudaComputeCapability(Device *device, int *major, int *minor) {
    (void)device;
    *major = 8;
    *minor = 0;
    return 0;
}
