#pragma once

#include "vmm/disk/chain/layer_stack.h"

#include <functional>

namespace vivarium {

// Takes one layer out of a chain while the guest goes on. Layers are counted from the base, 0.
struct MergeRequest {
    enum class Kind {
        Commit, // layer `upper` goes into the one below it, and goes away
        Stream, // the layer below `upper` goes into `upper`, and goes away
    };
    Kind kind = Kind::Commit;
    size_t upper = 1;
    // The layer that is written to (Commit: upper - 1, Stream: upper), open read-write; may be
    // empty when the chain can write to it already.
    std::unique_ptr<AsyncFile> target;
    // Commit of a layer below the top: the layer above it, open read-write, whose header changes;
    // may be empty as above.
    std::unique_ptr<AsyncFile> above;
    // What that header (Commit: of upper + 1, Stream: of upper) will say. Name "": no backing file.
    std::string backingName;
    std::string backingFormat;
    std::function<void(uint64_t doneBytes, uint64_t totalBytes)> progress; // may be empty
};

// A merge, as a coroutine on the chain's loop. At every moment the chain reads the same as before,
// and so does the file chain after a power cut. Cancelled: some of the data were copied, nothing
// else changed.
class MergeJob final : LayerStack::WriteObserver {
public:
    MergeJob(LayerStack& stack, MergeRequest request)
        : m_stack(stack), m_request(std::move(request)) {}

    Task<Result<void>> run();
    void cancel() { m_cancelled = true; }
    // It takes the layer away that is the top now: no overlay may come above that meanwhile.
    bool takesTop() const {
        return m_request.kind == MergeRequest::Kind::Commit &&
               m_request.upper + 1 == m_stack.depth();
    }

private:
    static constexpr uint64_t kBlockBytes = 65536; // of the dirty map
    static constexpr uint64_t kChunkBytes = 1 << 20;

    void written(uint64_t offset, uint64_t length) override;
    Task<Result<void>> makeWritable(size_t index, std::unique_ptr<AsyncFile> file);
    Task<int> commit();
    Task<int> commitRange(uint64_t offset, uint64_t length);
    Task<int> commitRow(const LayerExtent& extent, uint64_t offset, uint8_t* buffer);
    Task<int> commitDirty(uint64_t* leftBytes);
    Task<int> stream();
    Task<int> streamRange(uint64_t offset, uint64_t length);
    void report(uint64_t doneBytes);

    LayerStack& m_stack;
    MergeRequest m_request;
    bool m_cancelled = false;
    uint64_t m_totalBytes = 0;
    std::vector<bool> m_dirty; // blocks that the guest wrote since they were copied
};

} // namespace vivarium
