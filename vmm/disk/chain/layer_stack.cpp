#include "vmm/disk/chain/layer_stack.h"

#include <algorithm>
#include <cerrno>

namespace vivarium {

namespace {

// Keeps what a read of several layers found valid, see qcow2::Image::Ticket.
class Tickets {
public:
    void add(Layer& layer) {
        qcow2::Image* image = layer.qcow2Image();
        if (!image || !image->writable())
            return;
        m_tickets.emplace(*image);
    }

private:
    MostlyOne<qcow2::Image::Ticket> m_tickets;
};

} // namespace

LayerStack::LayerStack(IoLoop& loop, std::vector<std::unique_ptr<Layer>> layers)
    : m_loop(loop), m_idle(loop), m_thawed(loop) {
    for (std::unique_ptr<Layer>& layer : layers)
        m_slots.push_back(std::make_unique<Slot>(*this, std::move(layer)));
    renumber();
}

void LayerStack::renumber() {
    for (size_t i = 0; i < m_slots.size(); ++i)
        m_slots[i]->index = i;
}

void LayerStack::push(std::unique_ptr<Layer> layer) {
    m_slots.push_back(std::make_unique<Slot>(*this, std::move(layer)));
    renumber();
}

std::unique_ptr<Layer> LayerStack::take(size_t index) {
    std::unique_ptr<Layer> layer = std::move(m_slots[index]->layer);
    m_slots.erase(m_slots.begin() + static_cast<std::ptrdiff_t>(index));
    renumber();
    return layer;
}

bool LayerStack::findCached(size_t from, uint64_t offset, uint64_t length, Row* row) {
    for (size_t i = from;; --i) {
        Layer& layer = *m_slots[i]->layer;
        if (offset >= layer.sizeBytes()) { // a shorter layer reads as zeroes after its end
            row->extent = {LayerExtent::Kind::Zero, length, 0, {}};
            return true;
        }
        length = std::min(length, layer.sizeBytes() - offset);
        if (!layer.findCached(offset, length, &row->extent))
            return false;
        length = row->extent.lengthBytes;
        row->layer = i;
        if (row->extent.kind != LayerExtent::Kind::Unallocated)
            return true;
        if (i == 0) {
            row->extent.kind = LayerExtent::Kind::Zero;
            return true;
        }
    }
}

Task<LayerStack::Row> LayerStack::find(size_t from, uint64_t offset, uint64_t length,
                                       Layer::Detail detail) {
    Row row;
    for (size_t i = from;; --i) {
        Layer& layer = *m_slots[i]->layer;
        if (offset >= layer.sizeBytes()) {
            row.extent = {LayerExtent::Kind::Zero, length, 0, {}};
            co_return row;
        }
        length = std::min(length, layer.sizeBytes() - offset);
        Layer::Lookup found = co_await layer.find(offset, length, detail);
        row.extent = found.extent;
        row.error = found.error;
        row.layer = i;
        if (row.error != 0)
            co_return row;
        length = row.extent.lengthBytes;
        if (row.extent.kind != LayerExtent::Kind::Unallocated)
            co_return row;
        if (i == 0) {
            row.extent.kind = LayerExtent::Kind::Zero;
            co_return row;
        }
    }
}

Task<int> LayerStack::readRows(size_t from, uint64_t offset, IoBuffers& buffers, bool* zero) {
    Tickets tickets;
    for (size_t i = 0; i <= from; ++i)
        tickets.add(*m_slots[i]->layer);
    IoGroup group;
    int error = 0;
    const uint64_t length = buffers.bytes();
    uint64_t done = 0;
    bool allZero = zero != nullptr;
    while (done < length && error == 0) {
        Row row;
        if (!findCached(from, offset + done, length - done, &row))
            row = co_await find(from, offset + done, length - done, Layer::Detail::Format);
        error = row.error;
        if (error != 0)
            break;
        const uint64_t bytes = row.extent.lengthBytes;
        const bool rowZero = row.extent.kind == LayerExtent::Kind::Zero;
        if (rowZero && !(allZero && bytes == length - done))
            buffers.slice(done, bytes).fillZero();
        allZero = allZero && rowZero;
        if (row.extent.kind == LayerExtent::Kind::Data) {
            group.start(m_slots[row.layer]->layer->file(), IoOp::Kind::Read, row.extent.hostOffset,
                        bytes == length ? std::move(buffers) : buffers.slice(done, bytes));
        } else if (row.extent.kind == LayerExtent::Kind::Compressed) {
            Layer& layer = *m_slots[row.layer]->layer;
            IoBuffers part = buffers.slice(done, bytes);
            error = co_await layer.readCompressed(row.extent, offset + done, part);
        }
        done += bytes;
    }
    int read = co_await group;
    if (zero)
        *zero = allZero;
    co_return error != 0 ? error : read;
}

Task<int> LayerStack::readFrom(size_t from, uint64_t offset, IoBuffers buffers, bool* zero) {
    int error = co_await readRows(from, offset, buffers, zero);
    co_return error;
}

Task<int> LayerStack::read(uint64_t offset, IoBuffers buffers) {
    while (m_frozen)
        co_await m_thawed.wait();
    Running running(*this, m_requests);
    int error = co_await readRows(depth() - 1, offset, buffers, nullptr);
    co_return error;
}

Task<int> LayerStack::write(uint64_t offset, IoBuffers data) {
    while (m_frozen)
        co_await m_thawed.wait();
    Running running(*this, m_requests);
    const uint64_t bytes = data.bytes();
    int error = co_await top().write(offset, std::move(data), below(depth() - 1));
    if (m_observer)
        m_observer->written(offset, bytes);
    co_return error;
}

Task<int> LayerStack::clear(uint64_t offset, uint64_t length, qcow2::Image::Clear how) {
    while (m_frozen)
        co_await m_thawed.wait();
    Running running(*this, m_requests);
    int error = co_await top().clear(offset, length, how, below(depth() - 1));
    if (m_observer)
        m_observer->written(offset, length);
    co_return error;
}

Task<int> LayerStack::flush() {
    while (m_frozen)
        co_await m_thawed.wait();
    Running running(*this, m_flushes);
    int result = 0;
    // Lower ones first: an upper one may refer to what a merge put there.
    for (size_t i = 0; i < depth(); ++i) {
        if (!m_slots[i]->layer->writable())
            continue;
        int error = co_await m_slots[i]->layer->flush();
        result = result == 0 ? error : result;
    }
    co_return result;
}

Task<int> LayerStack::close() {
    int result = 0;
    for (size_t i = 0; i < depth(); ++i) {
        int error = co_await m_slots[i]->layer->close();
        result = result == 0 ? error : result;
    }
    co_return result;
}

Task<int> LayerStack::resize(uint64_t sizeBytes) {
    int error = co_await freeze(Freeze::RequestsAndFlushes);
    if (error == 0)
        error = co_await top().resize(sizeBytes, below(depth() - 1));
    thaw();
    co_return error;
}

Task<int> LayerStack::freeze(Freeze what) {
    while (m_frozen)
        co_await m_thawed.wait();
    m_frozen = true;
    while (m_requests > 0 || (what == Freeze::RequestsAndFlushes && m_flushes > 0))
        co_await m_idle.wait();
    co_return 0;
}

void LayerStack::thaw() {
    m_frozen = false;
    m_thawed.wakeAll();
}

} // namespace vivarium
