/* The C interface of a device module: what dubfarm loads with dlopen and renders on. Two modules speak it: libdubfarm_cuda.so (NVIDIA GPUs)
 * and, in the tests, one that runs the same kernels in host memory. kernels/device/device.hpp is the C++ face of it.
 *
 * Every function returns a DubfarmStatus unless it says otherwise; last_error() then tells the calling thread what happened. Threads: all
 * functions of one context may be called from many threads at once; a stream or an event belongs to one thread at a time. */
#ifndef DUBFARM_KERNELS_DEVICE_MODULE_ABI_H
#define DUBFARM_KERNELS_DEVICE_MODULE_ABI_H
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Raised with every change of this file. What the table of operations looks like is guarded by the build id. */
#define DUBFARM_MODULE_ABI 2u
#define DUBFARM_MODULE_SYMBOL "dubfarm_device_module"

typedef enum DubfarmStatus {
  DUBFARM_OK = 0,
  DUBFARM_NO_DEVICE = 1,      /* no driver, or no device that this module has code for */
  DUBFARM_DRIVER_TOO_OLD = 2, /* the message says which one is needed */
  DUBFARM_OUT_OF_MEMORY = 3,  /* nothing is broken: ask for less */
  DUBFARM_DEVICE_LOST = 4,    /* a kernel failed, or the device is gone: the context is of no further use */
  DUBFARM_FAILED = 5          /* anything else */
} DubfarmStatus;

/* What a machine offers. Always filled, whatever the status. */
typedef struct DubfarmProbe {
  int status;           /* DubfarmStatus: DUBFARM_OK where device_count > 0 */
  int device_count;
  int driver_version;   /* CUDA version that the driver supports, 1000 * major + 10 * minor; 0: no driver */
  int runtime_version;  /* that the module was built with */
  char fft[32];         /* FFT library and version, as it enters the numeric profile: "cufft 12000" */
  char message[256];    /* why there is no device; empty where there is one */
} DubfarmProbe;

typedef struct DubfarmDeviceInfo {
  char name[256];
  int compute_major, compute_minor;
  int multiprocessors;
  uint64_t memory_bytes, free_bytes;
  char bus_id[32]; /* PCI, as nvidia-smi writes it */
} DubfarmDeviceInfo;

typedef struct DubfarmContext DubfarmContext; /* one device as one process uses it */

typedef struct DubfarmModule {
  uint32_t abi;          /* DUBFARM_MODULE_ABI; nothing else is read where it differs */
  uint32_t size_bytes;   /* of this struct */
  const char* build_id;  /* of the kernels' sources; equal to the program's own */
  const char* kind;      /* "cuda" or "cuda-emulated"; names the backend and begins its numeric profile */

  void (*probe)(DubfarmProbe* probe);
  int (*device_info)(int device, DubfarmDeviceInfo* info);
  const char* (*last_error)(void); /* of this thread's last call that failed; never null */

  int (*open)(int device, DubfarmContext** context);
  void (*close)(DubfarmContext* context);
  int (*memory)(DubfarmContext* context, uint64_t* free_bytes, uint64_t* total_bytes);

  int (*allocate)(DubfarmContext* context, size_t bytes, void** memory); /* of the device, 256-byte aligned, undefined contents */
  void (*release)(DubfarmContext* context, void* memory);
  int (*allocate_pinned)(DubfarmContext* context, size_t bytes, void** memory); /* of the host, page-locked */
  void (*release_pinned)(DubfarmContext* context, void* memory);

  /* Streams run what is put on them in order; all below but synchronize only put something on one and return. */
  int (*create_stream)(DubfarmContext* context, void** stream);
  void (*destroy_stream)(DubfarmContext* context, void* stream);
  int (*synchronize)(DubfarmContext* context, void* stream); /* waits; tells of anything that failed on it */
  int (*copy_up)(DubfarmContext* context, void* stream, void* device, const void* host, size_t bytes);
  int (*copy_down)(DubfarmContext* context, void* stream, void* host, const void* device, size_t bytes);
  int (*copy_within)(DubfarmContext* context, void* stream, void* to, const void* from, size_t bytes); /* both on the device, not overlapping */
  int (*fill)(DubfarmContext* context, void* stream, void* device, int byte, size_t bytes);

  int (*create_event)(DubfarmContext* context, void** event);
  void (*destroy_event)(DubfarmContext* context, void* event);
  int (*record)(DubfarmContext* context, void* event, void* stream);
  int (*wait)(DubfarmContext* context, void* stream, void* event);       /* the stream goes on after the event */
  int (*wait_for)(DubfarmContext* context, void* event);                 /* the calling thread does */
  int (*elapsed_ms)(DubfarmContext* context, void* from, void* to, float* ms); /* both have passed */

  /* A named range on the profiler's timeline (NVTX); free where no profiler looks on. */
  void (*range_push)(const char* name);
  void (*range_pop)(void);

  const void* operations; /* of type kernels::cuda::Operations (kernels/device/operations.hpp); their streams are the ones above */
} DubfarmModule;

/* What DUBFARM_MODULE_SYMBOL names. The table lives as long as the module is loaded. */
typedef const DubfarmModule* (*DubfarmModuleEntry)(void);

#ifdef __cplusplus
}
#endif
#endif
