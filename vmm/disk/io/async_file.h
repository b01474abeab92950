#pragma once

#include "vmm/disk/io/io_buffers.h"
#include "vmm/disk/io/small_lists.h"

#include <coroutine>
#include <cstdint>

namespace vivarium {

class AsyncFile;
class IoGroup;

// One operation on a file: `int error = co_await file.read(...)`. Everything is transferred or it
// is an error; bytes after the end of the file read as zeroes. `buffers` are consumed.
struct IoOp {
    enum class Kind { Read, Write, DataSync, PunchHole, ZeroRange, Allocate };

    AsyncFile* file = nullptr;
    Kind kind = Kind::Read;
    uint64_t offsetBytes = 0;
    uint64_t lengthBytes = 0; // PunchHole, ZeroRange, Allocate
    iovec* buffers = nullptr; // null: `single`
    unsigned bufferCount = 0;
    iovec single{};
    int error = 0; // the result: 0 or an errno

    // Of the loop that carries it out.
    int fd = -1;
    bool cached = false; // goes through the host's page cache
    unsigned retries = 0;
    IoGroup* group = nullptr;
    std::coroutine_handle<> waiter;

    // How much a Read or Write moves: its buffers together.
    uint64_t transferBytes() const {
        uint64_t bytes = 0;
        for (unsigned i = 0; i < bufferCount; ++i)
            bytes += buffers[i].iov_len;
        return bytes;
    }

    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> handle);
    int await_resume() const noexcept { return error; }
    // Reports the result; the loop's thread.
    void complete(int errorNumber);
};

// A file of the disk engine: a host file, or a test's file that loses unflushed writes. Used on the
// thread of one IoLoop.
class AsyncFile {
public:
    virtual ~AsyncFile() = default;
    // Starts an operation, which completes later from the loop, never from inside start().
    virtual void start(IoOp& op) = 0;
    virtual uint64_t sizeBytes() = 0;
    // Changes the size; 0 or an errno. Waits for the file system.
    virtual int truncate(uint64_t sizeBytes) = 0;
    // Nothing is written from now on, others may read the file, too: the host's lock on it becomes
    // shared, or is taken so. False: somebody else writes to it.
    virtual bool shareLock() { return true; }
    // The first offset in [offset, offset + length) where stored data begin, and the first after it
    // where a hole begins; both offset + length at most. Files that do not know say "all data".
    struct DataRange {
        uint64_t beginBytes;
        uint64_t endBytes;
    };
    virtual DataRange nextData(uint64_t offsetBytes, uint64_t lengthBytes) {
        return {offsetBytes, offsetBytes + lengthBytes};
    }

    IoOp read(uint64_t offset, void* data, size_t bytes) {
        return transfer(IoOp::Kind::Read, offset, data, bytes);
    }
    IoOp write(uint64_t offset, void* data, size_t bytes) {
        return transfer(IoOp::Kind::Write, offset, data, bytes);
    }
    // `buffers` must live until the result is there.
    IoOp read(uint64_t offset, IoBuffers& buffers) {
        return transfer(IoOp::Kind::Read, offset, buffers);
    }
    IoOp write(uint64_t offset, IoBuffers& buffers) {
        return transfer(IoOp::Kind::Write, offset, buffers);
    }
    // Makes every completed write durable.
    IoOp sync() { return range(IoOp::Kind::DataSync, 0, 0); }
    IoOp range(IoOp::Kind kind, uint64_t offset, uint64_t length) {
        IoOp op;
        op.file = this;
        op.kind = kind;
        op.offsetBytes = offset;
        op.lengthBytes = length;
        return op;
    }

private:
    IoOp transfer(IoOp::Kind kind, uint64_t offset, void* data, size_t bytes) {
        IoOp op = range(kind, offset, 0);
        op.single = {data, bytes};
        op.bufferCount = 1;
        return op;
    }
    IoOp transfer(IoOp::Kind kind, uint64_t offset, IoBuffers& buffers) {
        IoOp op = range(kind, offset, 0);
        op.buffers = buffers.parts().data();
        op.bufferCount = static_cast<unsigned>(buffers.parts().size());
        return op;
    }
};

inline void IoOp::await_suspend(std::coroutine_handle<> handle) {
    waiter = handle;
    if (!buffers)
        buffers = &single;
    file->start(*this);
}

// Transfers that run side by side and are waited for together: `int error = co_await group`, the
// first error of any of them. To be awaited before it goes.
class IoGroup {
public:
    void start(AsyncFile& file, IoOp::Kind kind, uint64_t offset, IoBuffers buffers) {
        Entry& entry = m_entries.emplace();
        entry.buffers = std::move(buffers);
        entry.op.file = &file;
        entry.op.kind = kind;
        entry.op.offsetBytes = offset;
        entry.op.buffers = entry.buffers.parts().data();
        entry.op.bufferCount = static_cast<unsigned>(entry.buffers.parts().size());
        entry.op.group = this;
        ++m_pending;
        file.start(entry.op);
    }

    bool await_ready() const noexcept { return m_pending == 0; }
    void await_suspend(std::coroutine_handle<> handle) noexcept { m_waiter = handle; }
    int await_resume() const noexcept { return m_error; }

private:
    friend struct IoOp;
    struct Entry {
        IoOp op;
        IoBuffers buffers;
    };
    void opDone(int errorNumber) {
        if (m_error == 0)
            m_error = errorNumber;
        if (--m_pending == 0 && m_waiter)
            m_waiter.resume();
    }
    MostlyOne<Entry> m_entries;
    unsigned m_pending = 0;
    int m_error = 0;
    std::coroutine_handle<> m_waiter;
};

inline void IoOp::complete(int errorNumber) {
    error = errorNumber;
    if (group)
        group->opDone(errorNumber);
    else
        waiter.resume();
}

} // namespace vivarium
