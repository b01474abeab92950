#pragma once

#include "vmm/base/bytes.h"
#include "vmm/disk/io/io_loop.h"

#include <algorithm>
#include <cerrno>
#include <memory>
#include <random>
#include <vector>

namespace vivarium::test {

// A file in memory that remembers which changes no sync has covered, and dies at a chosen one: what
// is left after a power cut is what was synced and any part of the rest, in any order. Thread: the
// loop's.
class CrashFile final : public AsyncFile {
public:
    explicit CrashFile(IoLoop& loop, std::vector<uint8_t> bytes = {}, uint64_t maxBytes = 1 << 28)
        : m_loop(loop), m_bytes(bytes), m_durable(std::move(bytes)), m_maxBytes(maxBytes) {}

    // Change number `count` from now and everything after it fails.
    void dieAfter(uint64_t count) { *m_changesLeft = count; }
    // Both die at the same moment; the changes of both count.
    void dieWith(CrashFile& other) { m_changesLeft = other.m_changesLeft; }
    // Writes behind it fail with ENOSPC.
    void setMaxBytes(uint64_t bytes) { m_maxBytes = bytes; }
    uint64_t changes() const { return m_changes; }
    const std::vector<uint8_t>& bytes() const { return m_bytes; }

    std::vector<uint8_t> afterPowerCut(std::mt19937& random) const {
        std::vector<uint8_t> bytes = m_durable;
        std::vector<size_t> order(m_pending.size());
        for (size_t i = 0; i < order.size(); ++i)
            order[i] = i;
        std::shuffle(order.begin(), order.end(), random);
        for (size_t index : order) {
            const Change& change = m_pending[index];
            const unsigned fate = random() % 4; // lost, torn, or there
            if (fate == 0)
                continue;
            for (uint64_t at = 0; at < change.length;) {
                const uint64_t part =
                    std::min<uint64_t>(512 - (change.offset + at) % 512, change.length - at);
                if (fate != 1 || random() % 2 == 0)
                    apply(bytes, change, at, part);
                at += part;
            }
        }
        return bytes;
    }

    uint64_t sizeBytes() override { return m_bytes.size(); }
    int truncate(uint64_t sizeBytes) override {
        if (sizeBytes > m_maxBytes)
            return ENOSPC;
        m_bytes.resize(sizeBytes);
        m_durable.resize(sizeBytes); // only used before the crash is armed
        return 0;
    }
    void start(IoOp& op) override {
        int error = 0;
        switch (op.kind) {
        case IoOp::Kind::Read:
            read(op);
            break;
        case IoOp::Kind::Write:
            error = write(op);
            break;
        case IoOp::Kind::DataSync:
            if (*m_changesLeft == 0) {
                error = EIO;
                break;
            }
            m_durable = m_bytes;
            m_pending.clear();
            break;
        case IoOp::Kind::PunchHole:
        case IoOp::Kind::ZeroRange:
            error = zero(op.offsetBytes, op.lengthBytes);
            break;
        case IoOp::Kind::Allocate:
            error = rangeFits(op.offsetBytes, op.lengthBytes, m_maxBytes) ? 0 : ENOSPC;
            if (error == 0 && m_bytes.size() < op.offsetBytes + op.lengthBytes)
                m_bytes.resize(op.offsetBytes + op.lengthBytes);
            break;
        }
        m_loop.completeSoon(op, error);
    }

private:
    struct Change {
        uint64_t offset;
        uint64_t length;
        std::vector<uint8_t> bytes; // empty: zeroes, which do not grow the file
    };
    static void apply(std::vector<uint8_t>& target, const Change& change, uint64_t at,
                      uint64_t length) {
        const uint64_t offset = change.offset + at;
        if (change.bytes.empty()) {
            if (offset < target.size())
                std::fill_n(target.begin() + static_cast<std::ptrdiff_t>(offset),
                            std::min<uint64_t>(length, target.size() - offset), uint8_t{0});
            return;
        }
        if (target.size() < offset + length)
            target.resize(offset + length);
        std::copy_n(change.bytes.begin() + static_cast<std::ptrdiff_t>(at), length,
                    target.begin() + static_cast<std::ptrdiff_t>(offset));
    }
    void read(const IoOp& op) {
        uint64_t at = op.offsetBytes;
        for (unsigned i = 0; i < op.bufferCount; ++i) {
            const iovec& part = op.buffers[i];
            std::memset(part.iov_base, 0, part.iov_len);
            if (at < m_bytes.size())
                std::memcpy(part.iov_base, &m_bytes[at],
                            std::min<uint64_t>(part.iov_len, m_bytes.size() - at));
            at += part.iov_len;
        }
    }
    int change(Change change) {
        if (!rangeFits(change.offset, change.length, m_maxBytes))
            return ENOSPC;
        if (*m_changesLeft == 0)
            return EIO;
        --*m_changesLeft;
        ++m_changes;
        apply(m_bytes, change, 0, change.length);
        m_pending.push_back(std::move(change));
        return 0;
    }
    int write(const IoOp& op) {
        Change written{op.offsetBytes, 0, {}};
        for (unsigned i = 0; i < op.bufferCount; ++i) {
            const auto* bytes = static_cast<const uint8_t*>(op.buffers[i].iov_base);
            written.bytes.insert(written.bytes.end(), bytes, bytes + op.buffers[i].iov_len);
        }
        written.length = written.bytes.size();
        return written.length == 0 ? 0 : change(std::move(written));
    }
    int zero(uint64_t offset, uint64_t length) { return change({offset, length, {}}); }

    IoLoop& m_loop;
    std::vector<uint8_t> m_bytes;   // as the program sees it
    std::vector<uint8_t> m_durable; // as of the last sync
    std::vector<Change> m_pending;
    uint64_t m_maxBytes;
    uint64_t m_changes = 0;
    std::shared_ptr<uint64_t> m_changesLeft = std::make_shared<uint64_t>(~uint64_t{0});
};

} // namespace vivarium::test
