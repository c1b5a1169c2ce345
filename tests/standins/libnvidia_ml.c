/* A stand-in for libnvidia-ml.so.1: answers as the variables say.
 *
 * STANDIN_NVML_INIT      what nvmlInit returns (default 0; 9 driver not loaded, 18 library mismatch); "hang", "abort"
 * STANDIN_DRIVER         the driver's version (default 560.35.03)
 * STANDIN_NVML_DEVICES   how many devices (default 2)
 *
 * What the first device answers, each "not supported" where its variable is not set:
 * STANDIN_HANDLE         what asking for its handle returns (15 lost, 16 reset required)
 * STANDIN_ECC            uncorrected errors since the start; STANDIN_ECC_LIFETIME of its life
 * STANDIN_REMAP          "pending", "failed" or "none"; STANDIN_RETIRED  pages retired
 * STANDIN_THROTTLE       the mask of reasons; STANDIN_PSTATE, STANDIN_TEMPERATURE, STANDIN_UTILIZATION
 * STANDIN_POWER, STANDIN_POWER_DEFAULT   limits in milliwatts
 * STANDIN_PCIE, STANDIN_PCIE_BEST        "generation x lanes": "1x8"
 * STANDIN_CLOCK          "now/best" in MHz
 * STANDIN_MODE           the compute mode; STANDIN_PERSISTENCE
 * STANDIN_MEMORY         "used/total" in MiB; STANDIN_PROCESSES  MiB that each holds: "100,200"
 * STANDIN_MIG            how many MIG devices are ready, MIG mode on
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
    if (index == 0 && getenv("STANDIN_HANDLE")) return number("STANDIN_HANDLE", 0);
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

/* -- what the first device answers ----------------------------------------------------------- */

enum { NOT_SUPPORTED = 3, INSUFFICIENT_SIZE = 7 };

static const char *told(Device *device, const char *name) { return device->index == 0 ? getenv(name) : NULL; }

static int answer(Device *device, const char *name, unsigned *value) {
    const char *text = told(device, name);
    if (!text) return NOT_SUPPORTED;
    *value = (unsigned)strtoul(text, NULL, 0);
    return 0;
}

int nvmlDeviceGetTotalEccErrors(Device *device, int kind, int counter, unsigned long long *count) {
    unsigned value;
    int code = answer(device, counter ? "STANDIN_ECC_LIFETIME" : "STANDIN_ECC", &value);
    (void)kind;
    if (!code) *count = value;
    return code;
}
int nvmlDeviceGetRemappedRows(Device *device, unsigned *corrected, unsigned *uncorrected, unsigned *pending,
                              unsigned *failed) {
    const char *text = told(device, "STANDIN_REMAP");
    if (!text) return NOT_SUPPORTED;
    *corrected = *uncorrected = 0;
    *pending = !strcmp(text, "pending");
    *failed = !strcmp(text, "failed");
    return 0;
}
int nvmlDeviceGetRetiredPages(Device *device, int cause, unsigned *count, unsigned long long *pages) {
    unsigned retired;
    int code = answer(device, "STANDIN_RETIRED", &retired);
    (void)cause;
    if (code) return code;
    if (pages) for (unsigned at = 0; at < retired && at < *count; at++) pages[at] = 4096 * at;
    *count = retired;
    return pages || !retired ? 0 : INSUFFICIENT_SIZE;
}
int nvmlDeviceGetCurrentClocksThrottleReasons(Device *device, unsigned long long *mask) {
    unsigned value;
    int code = answer(device, "STANDIN_THROTTLE", &value);
    if (!code) *mask = value;
    return code;
}
int nvmlDeviceGetPerformanceState(Device *device, unsigned *value) { return answer(device, "STANDIN_PSTATE", value); }
int nvmlDeviceGetTemperature(Device *device, int sensor, unsigned *value) {
    (void)sensor;
    return answer(device, "STANDIN_TEMPERATURE", value);
}
int nvmlDeviceGetUtilizationRates(Device *device, unsigned *rates) {
    rates[1] = 0;
    return answer(device, "STANDIN_UTILIZATION", rates);
}
int nvmlDeviceGetEnforcedPowerLimit(Device *device, unsigned *value) { return answer(device, "STANDIN_POWER", value); }
int nvmlDeviceGetPowerManagementDefaultLimit(Device *device, unsigned *value) {
    return answer(device, "STANDIN_POWER_DEFAULT", value);
}
static int link_part(Device *device, const char *name, int lanes, unsigned *value) {
    const char *text = told(device, name);
    if (!text) return NOT_SUPPORTED;
    *value = (unsigned)atoi(lanes ? strchr(text, 'x') + 1 : text);
    return 0;
}
int nvmlDeviceGetCurrPcieLinkGeneration(Device *device, unsigned *value) {
    return link_part(device, "STANDIN_PCIE", 0, value);
}
int nvmlDeviceGetCurrPcieLinkWidth(Device *device, unsigned *value) {
    return link_part(device, "STANDIN_PCIE", 1, value);
}
int nvmlDeviceGetMaxPcieLinkGeneration(Device *device, unsigned *value) {
    return link_part(device, "STANDIN_PCIE_BEST", 0, value);
}
int nvmlDeviceGetMaxPcieLinkWidth(Device *device, unsigned *value) {
    return link_part(device, "STANDIN_PCIE_BEST", 1, value);
}
static int clock_part(Device *device, int best, unsigned *value) {
    const char *text = told(device, "STANDIN_CLOCK");
    if (!text) return NOT_SUPPORTED;
    *value = (unsigned)atoi(best ? strchr(text, '/') + 1 : text);
    return 0;
}
int nvmlDeviceGetClockInfo(Device *device, int domain, unsigned *value) {
    (void)domain;
    return clock_part(device, 0, value);
}
int nvmlDeviceGetMaxClockInfo(Device *device, int domain, unsigned *value) {
    (void)domain;
    return clock_part(device, 1, value);
}
int nvmlDeviceGetComputeMode(Device *device, unsigned *value) { return answer(device, "STANDIN_MODE", value); }
int nvmlDeviceGetPersistenceMode(Device *device, unsigned *value) {
    return answer(device, "STANDIN_PERSISTENCE", value);
}
int nvmlDeviceGetMemoryInfo(Device *device, unsigned long long *memory) {
    const char *text = told(device, "STANDIN_MEMORY");
    if (!text) return NOT_SUPPORTED;
    memory[2] = strtoull(text, NULL, 10) << 20;
    memory[0] = strtoull(strchr(text, '/') + 1, NULL, 10) << 20;
    memory[1] = memory[0] - memory[2];
    return 0;
}
typedef struct { unsigned pid; unsigned long long used; unsigned gpu_instance, compute_instance; } Process;
int nvmlDeviceGetComputeRunningProcesses_v3(Device *device, unsigned *count, Process *processes) {
    const char *text = told(device, "STANDIN_PROCESSES");
    unsigned found = 0, room = *count;
    if (!text) return NOT_SUPPORTED;
    for (const char *at = text; *at; at++) {
        char *end;
        unsigned long long size = strtoull(at, &end, 10);
        if (end == at) break;
        if (processes && found < room) processes[found] = (Process){1000 + found, size << 20, 0, 0};
        found++;
        if (*end != ',') break;
        at = end;
    }
    *count = found;
    return processes || !found ? 0 : INSUFFICIENT_SIZE;
}
int nvmlDeviceGetMigMode(Device *device, unsigned *current, unsigned *pending) {
    if (!told(device, "STANDIN_MIG")) return NOT_SUPPORTED;
    *current = *pending = 1;
    return 0;
}
int nvmlDeviceGetMaxMigDeviceCount(Device *device, unsigned *count) {
    (void)device;
    *count = 7;
    return 0;
}
int nvmlDeviceGetMigDeviceHandleByIndex(Device *device, unsigned index, Device **mig) {
    if ((int)index >= number("STANDIN_MIG", 0)) return 6;
    *mig = device;
    return 0;
}
