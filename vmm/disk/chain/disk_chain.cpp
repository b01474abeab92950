#include "vmm/disk/chain/disk_chain.h"

#include "vmm/base/log.h"
#include "vmm/disk/io/host_file.h"

#include <cerrno>
#include <system_error>

namespace vivarium {

namespace {

using Clear = qcow2::Image::Clear;

void call(const DiskChain::Done& done, Result<void> result) {
    if (done)
        done(std::move(result));
}

} // namespace

Result<std::unique_ptr<DiskChain>> DiskChain::open(std::vector<ChainFile> files,
                                                   DiskChainOptions options) {
    if (files.empty() || files.size() > kMaxChainDepth)
        return fail(ErrorCode::InvalidArgument, "a disk has 1 to 64 images");
    for (size_t i = 1; i < files.size(); ++i)
        if (files[i].format == ImageFormat::Raw)
            return fail(ErrorCode::InvalidArgument, "a raw image cannot have a backing file");
    auto loop = TRY(IoLoop::create(options.engine, options.threadStarted));
    std::unique_ptr<DiskChain> chain(new DiskChain(std::move(loop), options));
    TRY(chain->m_loop->runUntilDone(openLayers(*chain, std::move(files))));
    try {
        chain->m_thread =
            std::jthread([self = chain.get(), started = std::move(options.threadStarted)] {
                if (started)
                    started();
                self->m_loop->run();
            });
    } catch (const std::system_error& refused) {
        return systemError(refused.code().value(), "start disk thread");
    }
    return chain;
}

Task<Result<void>> DiskChain::openLayers(DiskChain& chain, std::vector<ChainFile> files) {
    std::vector<std::unique_ptr<Layer>> layers;
    for (size_t i = 0; i < files.size(); ++i) {
        const bool writes = i + 1 == files.size() && chain.m_access == DiskAccess::ReadWrite;
        Result<std::unique_ptr<AsyncFile>> file = HostFile::create(
            *chain.m_loop, std::move(files[i].fd),
            writes ? HostFile::Access::ReadWrite : HostFile::Access::ReadOnly, chain.cache());
        if (!file)
            co_return std::move(file).error();
        LayerResult layer =
            co_await openLayer(*chain.m_loop, std::move(*file), files[i].format,
                               writes ? Layer::Access::ReadWrite : Layer::Access::ReadOnly);
        if (!layer)
            co_return std::move(layer).error();
        layers.push_back(std::move(*layer));
    }
    if (layers.back()->sizeBytes() == 0)
        co_return fail(ErrorCode::InvalidArgument, "the disk image is empty");
    chain.m_sizeBytes = layers.back()->sizeBytes();
    chain.m_stack = std::make_unique<LayerStack>(*chain.m_loop, std::move(layers));
    co_return Result<void>{};
}

DiskChain::~DiskChain() {
    if (!m_thread.joinable())
        return;
    drain();
    m_loop->post([this] {
        m_closing = true;
        if (m_merge)
            m_merge->cancel();
        runClose();
    });
    m_thread.join();
}

void DiskChain::operationOver() {
    --m_operations;
    m_operationsOver.wakeAll();
}

DetachedTask DiskChain::runClose() {
    while (m_operations > 0) // they end by themselves, merges because they are cancelled
        co_await m_operationsOver.wait();
    int error = 0;
    if (m_prepared)
        error = co_await m_prepared->close();
    if (error == 0 && m_cacheMode != DiskCacheMode::Unsafe)
        error = co_await m_stack->close();
    if (error != 0)
        logError("disk", systemError(error, "close disk image").detail);
    m_loop->stop();
}

void DiskChain::submit(BlockRequest request) {
    bool wasEmpty;
    {
        MutexLocker lock(m_mutex);
        wasEmpty = m_incoming.empty();
        m_incoming.push_back(std::move(request));
        ++m_requests;
    }
    if (wasEmpty)
        m_loop->post([this] { takeIncoming(); });
}

void DiskChain::takeIncoming() {
    std::vector<BlockRequest> requests;
    {
        MutexLocker lock(m_mutex);
        requests.swap(m_incoming);
    }
    for (BlockRequest& request : requests)
        serve(std::move(request));
}

DetachedTask DiskChain::serve(BlockRequest request) {
    int error = checkBlockRequest(request, sizeBytes(), m_access);
    if (error == 0)
        error = co_await perform(request);
    if (request.completed)
        request.completed(error);
    finished();
}

void DiskChain::finished() {
    MutexLocker lock(m_mutex);
    if (--m_requests == 0)
        m_idle.notify_all();
}

void DiskChain::drain() {
    MutexLocker lock(m_mutex);
    while (m_requests > 0)
        m_idle.wait(m_mutex);
}

Task<int> DiskChain::perform(BlockRequest& request) {
    int error = 0;
    switch (request.kind) {
    case BlockRequest::Kind::Read:
        error = co_await m_stack->read(request.offsetBytes, IoBuffers(std::move(request.buffers)));
        co_return error;
    case BlockRequest::Kind::Write:
        error = co_await m_stack->write(request.offsetBytes, IoBuffers(std::move(request.buffers)));
        break;
    case BlockRequest::Kind::Discard:
        error = co_await m_stack->clear(request.offsetBytes, request.lengthBytes, Clear::Discard);
        break;
    case BlockRequest::Kind::WriteZeroes:
        error = co_await m_stack->clear(request.offsetBytes, request.lengthBytes, Clear::Zero);
        break;
    case BlockRequest::Kind::Flush:
        if (m_cacheMode != DiskCacheMode::Unsafe)
            error = co_await m_stack->flush();
        co_return error;
    }
    if (error == 0 && m_cacheMode == DiskCacheMode::WriteThrough)
        error = co_await m_stack->flush();
    co_return error;
}

Result<std::unique_ptr<AsyncFile>> DiskChain::hostFile(UniqueFd fd) {
    if (!fd)
        return std::unique_ptr<AsyncFile>();
    return HostFile::create(*m_loop, std::move(fd), HostFile::Access::ReadWrite, cache());
}

void DiskChain::formatOverlay(UniqueFd fd, std::string backingName, ImageFormat backingFormat,
                              Done done) {
    qcow2::CreateOptions options;
    options.diskBytes = sizeBytes();
    options.backingName = std::move(backingName);
    options.backingFormat = imageFormatName(backingFormat);
    auto shared = std::make_shared<UniqueFd>(std::move(fd)); // std::function copies
    m_loop->post([this, shared, options = std::move(options), done = std::move(done)] {
        runFormat(std::move(*shared), options, done);
    });
}

DetachedTask DiskChain::runFormat(UniqueFd fd, qcow2::CreateOptions options, Done done) {
    ++m_operations;
    Result<void> result = fail(ErrorCode::InvalidArgument, "no file for the overlay");
    Result<std::unique_ptr<AsyncFile>> file = hostFile(std::move(fd));
    if (!file)
        result = std::move(file).error();
    else if (*file)
        result = co_await qcow2::createImage(*m_loop, **file, std::move(options));
    call(done, std::move(result));
    operationOver();
}

void DiskChain::prepareOverlay(UniqueFd fd, Done done) {
    auto shared = std::make_shared<UniqueFd>(std::move(fd)); // std::function copies
    m_loop->post([this, shared, done = std::move(done)] { runPrepare(std::move(*shared), done); });
}

DetachedTask DiskChain::runPrepare(UniqueFd fd, Done done) {
    ++m_operations;
    Result<void> result;
    Result<std::unique_ptr<AsyncFile>> file = hostFile(std::move(fd));
    if (!file || !*file) {
        result = file ? fail(ErrorCode::InvalidArgument, "no file for the overlay")
                      : std::move(file).error();
    } else {
        LayerResult layer = co_await openLayer(*m_loop, std::move(*file), ImageFormat::Qcow2,
                                               Layer::Access::ReadWrite);
        if (!layer)
            result = std::move(layer).error();
        else if ((*layer)->sizeBytes() != sizeBytes())
            result = fail(ErrorCode::InvalidArgument, "the overlay has another size than the disk");
        else
            m_prepared = std::move(*layer);
    }
    call(done, std::move(result));
    operationOver();
}

void DiskChain::insertOverlay(Done switched, Done durable) {
    m_loop->post([this, switched = std::move(switched), durable = std::move(durable)] {
        runInsert(switched, durable);
    });
}

DetachedTask DiskChain::runInsert(Done switched, Done durable) {
    if (!m_prepared || m_stack->depth() >= kMaxChainDepth) {
        call(switched, fail(ErrorCode::WrongState, m_prepared ? "the disk has too many layers"
                                                              : "no overlay was prepared"));
        co_return;
    }
    if (m_merge && m_merge->takesTop()) {
        call(switched, fail(ErrorCode::Busy, "the disk's top layer is being merged"));
        co_return;
    }
    ++m_operations;
    int error = co_await m_stack->freeze(LayerStack::Freeze::Requests);
    const size_t below = m_stack->depth() - 1;
    const AsyncFile* const frozen = &m_stack->top().file();
    m_stack->push(std::move(m_prepared));
    m_stack->thaw();
    call(switched, error == 0 ? Result<void>{} : systemError(error, "insert overlay"));
    error = co_await m_stack->flush();
    // Other machines may stand on it now, unless a merge has changed the chain meanwhile.
    if (error == 0 && below + 1 < m_stack->depth() && &m_stack->layer(below).file() == frozen)
        static_cast<void>(m_stack->layer(below).file().shareLock()); // it is ours: never refused
    call(durable, error == 0 ? Result<void>{} : systemError(error, "flush the frozen disk"));
    operationOver();
}

void DiskChain::lockLower(Done done) {
    m_loop->post([this, done = std::move(done)] {
        bool locked = true;
        for (size_t i = 0; i + 1 < m_stack->depth(); ++i)
            locked = m_stack->layer(i).file().shareLock() && locked;
        call(done, locked ? Result<void>{}
                          : fail(ErrorCode::Busy, "another program writes to what the disk "
                                                  "stands on"));
    });
}

void DiskChain::startMerge(Merge merge, Done done) {
    auto shared = std::make_shared<Merge>(std::move(merge));
    m_loop->post([this, shared, done = std::move(done)] { runMerge(std::move(*shared), done); });
}

DetachedTask DiskChain::runMerge(Merge merge, Done done) {
    if (m_mergeRuns || m_closing) {
        call(done, fail(ErrorCode::Busy, "another merge of this disk is running"));
        co_return;
    }
    Result<std::unique_ptr<AsyncFile>> target = hostFile(std::move(merge.target));
    Result<std::unique_ptr<AsyncFile>> above = hostFile(std::move(merge.above));
    if (!target || !above) {
        call(done, target ? std::move(above).error() : std::move(target).error());
        co_return;
    }
    ++m_operations;
    m_mergeRuns = true;
    MergeRequest request;
    request.kind = merge.kind;
    request.upper = merge.upper;
    request.target = std::move(*target);
    request.above = std::move(*above);
    request.backingName = std::move(merge.backingName);
    request.backingFormat = std::move(merge.backingFormat);
    request.progress = std::move(merge.progress);
    m_merge = std::make_unique<MergeJob>(*m_stack, std::move(request));
    Result<void> result = co_await m_merge->run();
    m_merge.reset();
    m_mergeRuns = false;
    call(done, std::move(result));
    operationOver();
}

void DiskChain::cancelMerge() {
    m_loop->post([this] {
        if (m_merge)
            m_merge->cancel();
    });
}

void DiskChain::resize(uint64_t sizeBytes, Done done) {
    m_loop->post([this, sizeBytes, done = std::move(done)] { runResize(sizeBytes, done); });
}

DetachedTask DiskChain::runResize(uint64_t newBytes, Done done) {
    if (newBytes % 512 != 0 || newBytes < sizeBytes() || readOnly()) {
        call(done, fail(ErrorCode::InvalidArgument, "a disk in use can only grow, by sectors"));
        co_return;
    }
    ++m_operations;
    int error = co_await m_stack->resize(newBytes);
    if (error == 0)
        m_sizeBytes = newBytes;
    call(done, error == 0 ? Result<void>{} : systemError(error, "resize disk"));
    operationOver();
}

void DiskChain::countLayers(std::function<void(size_t)> done) {
    m_loop->post([this, done = std::move(done)] { done(m_stack->depth()); });
}

} // namespace vivarium
