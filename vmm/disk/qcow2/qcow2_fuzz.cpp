// Opens arbitrary bytes as a qcow2 image, reads, writes, flushes and checks it.

#include "vmm/disk/chain/layer_stack.h"
#include "vmm/disk/qcow2/check.h"
#include "vmm/disk/test_support/crash_file.h"

using namespace vivarium;

namespace {

constexpr uint64_t kMaxFileBytes = 4 << 20;

Task<int> use(IoLoop& loop, std::vector<uint8_t> bytes, Layer::Access access) {
    auto file = std::make_unique<test::CrashFile>(loop, std::move(bytes), kMaxFileBytes);
    LayerResult layer = co_await openLayer(loop, std::move(file), ImageFormat::Qcow2, access);
    if (!layer)
        co_return 0;
    std::vector<std::unique_ptr<Layer>> layers;
    layers.push_back(std::move(*layer));
    LayerStack stack(loop, std::move(layers));
    const uint64_t size = stack.sizeBytes();
    if (size < 8192)
        co_return 0;
    std::vector<uint8_t> data(8192, 0x5a);
    const uint64_t places[] = {0, (size / 2) & ~uint64_t{511}, (size - 8192) & ~uint64_t{511}};
    for (uint64_t place : places) {
        int error = co_await stack.read(place, IoBuffers(data.data(), data.size()));
        if (access == Layer::Access::ReadOnly)
            continue;
        error = co_await stack.write(place, IoBuffers(data.data(), 4096));
        error = co_await stack.clear(place, 8192, qcow2::Image::Clear::Discard);
        error = co_await stack.write(place + 512, IoBuffers(data.data(), 512));
        error = co_await stack.flush();
        static_cast<void>(error);
    }
    Result<qcow2::CheckReport> report =
        co_await qcow2::checkImage(*stack.top().qcow2Image(), qcow2::Repair::None, nullptr);
    static_cast<void>(report);
    int closed = co_await stack.close();
    co_return closed;
}

Task<int> repair(IoLoop& loop, std::vector<uint8_t> bytes) {
    auto file = std::make_unique<test::CrashFile>(loop, std::move(bytes), kMaxFileBytes);
    qcow2::Image::OpenResult image = co_await qcow2::Image::open(
        loop, std::move(file), qcow2::Image::Access::ReadWrite, qcow2::Image::Use::Repair);
    if (!image)
        co_return 0;
    Result<qcow2::CheckReport> report =
        co_await qcow2::checkImage(**image, qcow2::Repair::All, nullptr);
    co_return report ? 0 : 1;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static const std::unique_ptr<IoLoop> loop =
        std::move(*IoLoop::create(IoEngine::Kind::ThreadPool));
    if (size > kMaxFileBytes / 2)
        return 0;
    const std::vector<uint8_t> bytes(data, data + size);
    loop->runUntilDone(use(*loop, bytes, Layer::Access::ReadOnly));
    loop->runUntilDone(use(*loop, bytes, Layer::Access::ReadWrite));
    loop->runUntilDone(repair(*loop, bytes));
    return 0;
}
