#include "kernels/automation/automation_cuda.hpp"
#include "kernels/core/line.hpp"
#include "kernels/core/math.hpp"
#include "kernels/device/cuda_launch.hpp"

namespace dubfarm::kernels::cuda {
namespace {

constexpr int kThreads = 256;

DUBFARM_KERNEL(kThreads) evaluate_gains(const GainRow* rows, Frames first, Frames n) {
  const GainRow& row = rows[block_y()];
  const Frames i = static_cast<Frames>(block_x()) * kThreads + thread_index();
  if (i < n) row.gain[i] = gain_from_db(value_on(row.lines, row.line_count, first + i) + row.add_db);
}

DUBFARM_KERNEL(kThreads) multiply_pairs(const Product* products, Frames n) {
  const Product& product = products[block_y()];
  const Frames i = static_cast<Frames>(block_x()) * kThreads + thread_index();
  if (i < n) product.a[i] *= product.b[i];
}

}  // namespace

void gain_rows(const GainRowsArgs& args, StreamHandle stream) {
  DUBFARM_LAUNCH(evaluate_gains, blocks_for(args.n, kThreads), args.count, kThreads, stream, args.rows, args.first, args.n);
}
void multiply_rows(const ProductsArgs& args, StreamHandle stream) {
  DUBFARM_LAUNCH(multiply_pairs, blocks_for(args.n, kThreads), args.count, kThreads, stream, args.products, args.n);
}

}  // namespace dubfarm::kernels::cuda
