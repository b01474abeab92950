#pragma once

#include "vmm/base/unique_fd.h"
#include "vmm/disk/chain/merge_job.h"
#include "vmm/disk/io/host_file.h"
#include "vmm/disk/qcow2/create.h"
#include "vmm/disk/request_check.h"

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

namespace vivarium {

// One file of a chain: open already, its format stated (it is never guessed).
struct ChainFile {
    UniqueFd fd;
    ImageFormat format = ImageFormat::Qcow2;
};

// What a guest's completed write is worth when the host's power fails.
enum class DiskCacheMode {
    WriteBack,    // in the host's page cache until the guest flushes (a disk's own write cache)
    WriteThrough, // on the medium
    Direct,       // as WriteBack, without the host's page cache where the file allows that
    Unsafe,       // nothing: flushes are ignored (throw-away machines)
};

struct DiskChainOptions {
    DiskAccess access = DiskAccess::ReadWrite; // of the top; the layers below are only read
    DiskCacheMode cacheMode = DiskCacheMode::WriteBack;
    // Not set: io_uring, or a thread pool where the host refuses it.
    std::optional<IoEngine::Kind> engine = std::nullopt;
    // Runs first on the disk's thread, and on the pool's threads.
    std::function<void()> threadStarted = {};
};

// A guest's disk made of a chain of raw and qcow2 images, with one I/O thread of its own. Any
// thread submits; completions and callbacks run on that thread and must only post elsewhere.
// Destroying it waits for requests, cancels a merge and flushes.
class DiskChain final : public BlockDevice {
public:
    using Done = std::function<void(Result<void>)>;

    // `files`: base first, 1..64 of them; every qcow2 file but the first has the one before it as
    // its backing file. Errors: InvalidArgument (too many, raw above the base), Corrupt,
    // Unsupported, PermissionDenied and what opening reports.
    static Result<std::unique_ptr<DiskChain>> open(std::vector<ChainFile> files,
                                                   DiskChainOptions options = {});
    ~DiskChain() override;

    uint64_t sizeBytes() const override { return m_sizeBytes.load(std::memory_order_relaxed); }
    bool readOnly() const override { return m_access == DiskAccess::ReadOnly; }
    void submit(BlockRequest request) override;
    void drain() override;

    // Makes an empty overlay for this disk (qcow2, its size) of an open empty file; what it says of
    // the layer below is the caller's. Any thread. Errors: of creating an image.
    void formatOverlay(UniqueFd fd, std::string backingName, ImageFormat backingFormat, Done done);
    // Opens an overlay that was made for this disk (qcow2, same size, empty, open read-write), so
    // that insertOverlay() has nothing left to wait for. Any thread; replaces one prepared before.
    void prepareOverlay(UniqueFd fd, Done done);
    // Puts the prepared overlay on top, between requests: those in flight finish first, later ones
    // go to the overlay. `switched`: the old top does not change any more (a snapshot is taken).
    // `durable`: it is on the medium too; the guest's own flushes cover it from `switched` on.
    // Error: WrongState.
    void insertOverlay(Done switched, Done durable);

    // Locks what lies below the top for reading, on the host: nobody else may write to it. Error:
    // Busy, somebody does already.
    void lockLower(Done done);

    // Starts a merge (one at a time, else Busy). The descriptors are those of MergeRequest's files.
    struct Merge {
        MergeRequest::Kind kind = MergeRequest::Kind::Commit;
        size_t upper = 1;
        UniqueFd target;
        UniqueFd above;
        std::string backingName;
        std::string backingFormat;
        std::function<void(uint64_t doneBytes, uint64_t totalBytes)> progress;
    };
    void startMerge(Merge merge, Done done);
    // Asks a running merge to end; its `done` gets Cancelled, or success if it was too late.
    void cancelMerge();

    // Grows the disk, bytes a multiple of 512. InvalidArgument when smaller.
    void resize(uint64_t sizeBytes, Done done);
    // How many files the chain has now; on the disk's thread.
    void countLayers(std::function<void(size_t)> done);

    IoEngine::Kind engineKind() const { return m_loop->engineKind(); }

private:
    DiskChain(std::unique_ptr<IoLoop> loop, const DiskChainOptions& options)
        : m_loop(std::move(loop)), m_access(options.access), m_cacheMode(options.cacheMode),
          m_operationsOver(*m_loop) {}
    static Task<Result<void>> openLayers(DiskChain& chain, std::vector<ChainFile> files);
    DetachedTask serve(BlockRequest request);
    Task<int> perform(BlockRequest& request);
    DetachedTask runFormat(UniqueFd fd, qcow2::CreateOptions options, Done done);
    DetachedTask runPrepare(UniqueFd fd, Done done);
    DetachedTask runInsert(Done switched, Done durable);
    DetachedTask runMerge(Merge merge, Done done);
    DetachedTask runResize(uint64_t sizeBytes, Done done);
    DetachedTask runClose();
    HostFile::Cache cache() const {
        return m_cacheMode == DiskCacheMode::Direct ? HostFile::Cache::Around
                                                    : HostFile::Cache::Through;
    }
    Result<std::unique_ptr<AsyncFile>> hostFile(UniqueFd fd);
    void takeIncoming();
    void finished();
    void operationOver();

    std::unique_ptr<IoLoop> m_loop;
    const DiskAccess m_access;
    const DiskCacheMode m_cacheMode;
    std::atomic<uint64_t> m_sizeBytes = 0;
    // Of the disk's thread.
    std::unique_ptr<LayerStack> m_stack;
    std::unique_ptr<Layer> m_prepared;
    std::unique_ptr<MergeJob> m_merge;
    bool m_mergeRuns = false;
    bool m_closing = false;
    unsigned m_operations = 0; // that runClose() waits for
    WaitQueue m_operationsOver;

    Mutex m_mutex;
    std::condition_variable_any m_idle;
    std::vector<BlockRequest> m_incoming GUARDED_BY(m_mutex);
    size_t m_requests GUARDED_BY(m_mutex) = 0;
    std::jthread m_thread; // last: everything above exists while it runs
};

} // namespace vivarium
