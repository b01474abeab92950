#pragma once

#include "vmm/disk/chain/layer.h"

#include <deque>
#include <functional>
#include <vector>

namespace vivarium {

constexpr size_t kMaxChainDepth = 64;

// The layers of a disk, base first, as one disk. Lives on its loop's thread. Several requests run
// side by side; changes of the stack itself wait for them (`freeze`).
class LayerStack {
public:
    LayerStack(IoLoop& loop, std::vector<std::unique_ptr<Layer>> layers); // 1..kMaxChainDepth

    uint64_t sizeBytes() const { return top().sizeBytes(); }
    bool writable() const { return top().writable(); }
    size_t depth() const { return m_slots.size(); }
    Layer& layer(size_t index) { return *m_slots[index]->layer; } // 0: base
    Layer& top() { return *m_slots.back()->layer; }
    const Layer& top() const { return *m_slots.back()->layer; }

    // Guest requests: multiples of 512 inside the disk.
    Task<int> read(uint64_t offset, IoBuffers buffers);
    Task<int> write(uint64_t offset, IoBuffers data);
    Task<int> clear(uint64_t offset, uint64_t length, qcow2::Image::Clear clear);
    // Every layer with unflushed writes.
    Task<int> flush();
    Task<int> close();
    Task<int> resize(uint64_t sizeBytes);

    // What a row of the disk is, seen from layer `from` down; `layer` says where it comes from.
    struct Row {
        LayerExtent extent;
        size_t layer = 0; // of Data and Compressed
        int error = 0;
    };
    Task<Row> find(size_t from, uint64_t offset, uint64_t length, Layer::Detail detail);
    // Reads as layer `from` and those below it see the disk.
    Task<int> readFrom(size_t from, uint64_t offset, IoBuffers buffers, bool* zero);

    // Waits until no request runs and holds new ones back until thaw(). Flushes can take long and
    // do not change what the layers show: a layer may come on top of them, but none may go.
    enum class Freeze { Requests, RequestsAndFlushes };
    Task<int> freeze(Freeze what);
    void thaw();
    // Only while frozen: a new top layer; one less (without flushes).
    void push(std::unique_ptr<Layer> layer);
    std::unique_ptr<Layer> take(size_t index);
    // The same image opened in another way; yields the old one.
    std::unique_ptr<Layer> replace(size_t index, std::unique_ptr<Layer> layer) {
        std::swap(m_slots[index]->layer, layer);
        return layer;
    }

    // Told after each write or clear of the guest, whether it succeeded or not.
    struct WriteObserver {
        virtual ~WriteObserver() = default;
        virtual void written(uint64_t offset, uint64_t length) = 0;
    };
    void setObserver(WriteObserver* observer) { m_observer = observer; }

    // What lies below layer `index`; null for the base.
    qcow2::BelowReader* below(size_t index) { return index == 0 ? nullptr : m_slots[index].get(); }
    IoLoop& loop() { return m_loop; }

private:
    // A layer with its place, as the reader of what is below it.
    struct Slot final : qcow2::BelowReader {
        Slot(LayerStack& layers, std::unique_ptr<Layer> own)
            : stack(layers), layer(std::move(own)) {}
        Task<int> readBelow(uint64_t offset, IoBuffers buffers, bool* zero) override {
            return stack.readFrom(index - 1, offset, std::move(buffers), zero);
        }
        LayerStack& stack;
        std::unique_ptr<Layer> layer;
        size_t index = 0;
    };
    // A request or flush in flight.
    class Running {
    public:
        Running(LayerStack& stack, size_t& count) : m_stack(stack), m_count(count) { ++m_count; }
        ~Running() {
            if (--m_count == 0)
                m_stack.m_idle.wakeAll();
        }
        Running(const Running&) = delete;
        Running& operator=(const Running&) = delete;

    private:
        LayerStack& m_stack;
        size_t& m_count;
    };
    void renumber();
    bool findCached(size_t from, uint64_t offset, uint64_t length, Row* row);
    Task<int> readRows(size_t from, uint64_t offset, IoBuffers& buffers, bool* zero);

    IoLoop& m_loop;
    std::vector<std::unique_ptr<Slot>> m_slots;
    WriteObserver* m_observer = nullptr;
    size_t m_requests = 0;
    size_t m_flushes = 0;
    bool m_frozen = false;
    WaitQueue m_idle;
    WaitQueue m_thawed;
};

} // namespace vivarium
