// The table that a module hands out, and the function that hands it out. A module's one source includes this as its last line, after an
// unnamed namespace with a function for every entry, by the entry's name, and kKind.
#include "kernels/device/module_abi.h"
#include "kernels/device/operations.hpp"
#include "kernels_build_id.hpp"

extern "C" __attribute__((visibility("default"))) const DubfarmModule* dubfarm_device_module() {
  static const DubfarmModule table = {
      .abi = DUBFARM_MODULE_ABI,
      .size_bytes = sizeof(DubfarmModule),
      .build_id = DUBFARM_KERNELS_BUILD_ID,
      .kind = kKind,
      .probe = probe,
      .device_info = device_info,
      .last_error = last_error,
      .open = open,
      .close = close,
      .memory = memory,
      .allocate = allocate,
      .release = release,
      .allocate_pinned = allocate_pinned,
      .release_pinned = release_pinned,
      .create_stream = create_stream,
      .destroy_stream = destroy_stream,
      .synchronize = synchronize,
      .copy_up = copy_up,
      .copy_down = copy_down,
      .copy_within = copy_within,
      .fill = fill,
      .create_event = create_event,
      .destroy_event = destroy_event,
      .record = record,
      .wait = wait,
      .wait_for = wait_for,
      .elapsed_ms = elapsed_ms,
      .range_push = range_push,
      .range_pop = range_pop,
      .operations = &dubfarm::kernels::cuda::operations(),
  };
  return &table;
}
