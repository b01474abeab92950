#include "vmm/disk/jobs/job_context.h"

#include "vmm/disk/io/host_file.h"
#include "vmm/disk/io/uring_backend.h"

#include <cerrno>

#include <sys/stat.h>

namespace vivarium {

Result<std::unique_ptr<JobContext>> JobContext::create(const JobControl& control) {
    auto loop = TRY(IoLoop::create());
    if (loop->engineKind() == IoEngine::Kind::IoUring)
        UringBackend::keepKernelWorkers();
    return std::unique_ptr<JobContext>(new JobContext(std::move(loop), control));
}

Result<std::unique_ptr<AsyncFile>> JobContext::file(UniqueFd fd, Layer::Access access) {
    return HostFile::create(*m_loop, std::move(fd),
                            access == Layer::Access::ReadWrite ? HostFile::Access::ReadWrite
                                                               : HostFile::Access::ReadOnly);
}

Result<std::unique_ptr<LayerStack>> JobContext::open(ImageChain chain, Writes writes) {
    if (chain.empty() || chain.size() > kMaxChainDepth)
        return fail(ErrorCode::InvalidArgument, "a disk has 1 to 64 images");
    std::vector<std::unique_ptr<Layer>> layers;
    for (size_t i = 0; i < chain.size(); ++i) {
        if (i > 0 && chain[i].format == ImageFormat::Raw)
            return fail(ErrorCode::InvalidArgument, "a raw image cannot have a backing file");
        const size_t fromTop = chain.size() - 1 - i;
        const bool writable =
            (writes == Writes::Top && fromTop == 0) || (writes == Writes::TopTwo && fromTop <= 1);
        const Layer::Access access = writable ? Layer::Access::ReadWrite : Layer::Access::ReadOnly;
        auto opened = TRY(file(std::move(chain[i].fd), access));
        layers.push_back(TRY(
            m_loop->runUntilDone(openLayer(*m_loop, std::move(opened), chain[i].format, access))));
    }
    return std::make_unique<LayerStack>(*m_loop, std::move(layers));
}

Result<void> JobContext::run(Task<int> task, const char* what) {
    const int error = m_loop->runUntilDone(std::move(task));
    if (error != 0)
        return jobError(error, what);
    return {};
}

Result<void> JobContext::close(LayerStack& stack) {
    return run(stack.close(), "write disk image");
}

int JobContext::step(uint64_t doneBytes, uint64_t totalBytes) {
    if (m_control.cancelled && m_control.cancelled->load(std::memory_order_relaxed))
        return ECANCELED;
    if (m_control.progress)
        m_control.progress(std::min(doneBytes, totalBytes), totalBytes);
    return 0;
}

Error jobError(int errorNumber, const char* what) {
    if (errorNumber == ECANCELED)
        return fail(ErrorCode::Cancelled, std::string(what) + " was cancelled");
    return systemError(errorNumber, what);
}

uint64_t allocatedBytes(int fd) {
    struct stat status {};
    return ::fstat(fd, &status) < 0 ? 0 : static_cast<uint64_t>(status.st_blocks) * 512;
}

} // namespace vivarium
