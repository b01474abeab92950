// One row of requests through the disk engine, as `qemu-img bench` makes it: DEPTH requests in
// flight, each completion submits the next one at once, no flush. Prints the seconds it took and
// the CPU time of all threads as JSON.
// Usage: disk_bench FILE raw|qcow2 read|write BYTES STRIDE|random COUNT [DEPTH]

#include "vmm/disk/chain/disk_chain.h"

#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>
#include <random>
#include <string_view>

#include <fcntl.h>
#include <sys/resource.h>

using namespace vivarium;

namespace {

double cpuSeconds() {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    const auto seconds = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

struct Row {
    BlockRequest::Kind kind;
    size_t bytes;
    uint64_t strideBytes; // 0: random places
    uint64_t count;
    unsigned depth;
};

class Runner {
public:
    Runner(BlockDevice& disk, const Row& row) : m_disk(disk), m_row(row) {}

    // False after an error.
    bool run() {
        const size_t bytes = m_row.bytes * m_row.depth; // aligned to pages, as a guest's are
        m_buffers.reset(static_cast<uint8_t*>(std::aligned_alloc(4096, bytes)));
        std::memset(m_buffers.get(), 0x5a, bytes);
        for (unsigned slot = 0; slot < m_row.depth; ++slot)
            submitNext(slot);
        std::unique_lock lock(m_mutex);
        m_over.wait(lock, [this] { return m_running == 0 && m_submitted == m_row.count; });
        return !m_failed;
    }

private:
    uint64_t nextOffset() {
        const uint64_t slots = m_disk.sizeBytes() / m_row.bytes;
        if (m_row.strideBytes == 0)
            return m_generator() % slots * m_row.bytes;
        const uint64_t offset = m_offset;
        m_offset += m_row.strideBytes;
        if (m_offset + m_row.bytes > m_disk.sizeBytes())
            m_offset %= slots * m_row.bytes;
        if (m_offset + m_row.bytes > m_disk.sizeBytes())
            m_offset = 0;
        return offset;
    }

    void submitNext(unsigned slot) {
        BlockRequest request;
        {
            std::lock_guard lock(m_mutex);
            if (m_submitted == m_row.count)
                return;
            ++m_submitted;
            ++m_running;
            request.offsetBytes = nextOffset();
        }
        request.kind = m_row.kind;
        request.lengthBytes = m_row.bytes;
        request.buffers = {{m_buffers.get() + slot * m_row.bytes, m_row.bytes}};
        request.completed = [this, slot](int error) {
            submitNext(slot);
            std::lock_guard lock(m_mutex);
            m_failed = m_failed || error != 0;
            if (--m_running == 0)
                m_over.notify_one();
        };
        m_disk.submit(std::move(request));
    }

    BlockDevice& m_disk;
    const Row m_row;
    struct Free {
        void operator()(uint8_t* memory) const { std::free(memory); }
    };
    std::unique_ptr<uint8_t, Free> m_buffers;
    std::mt19937_64 m_generator{1};
    std::mutex m_mutex;
    std::condition_variable m_over;
    uint64_t m_offset = 0;
    uint64_t m_submitted = 0;
    uint64_t m_running = 0;
    bool m_failed = false;
};

} // namespace

int main(int argc, char** argv) {
    if (argc < 7)
        return 2;
    const auto number = [&](int index) { return std::strtoull(argv[index], nullptr, 10); };
    Row row{};
    row.kind =
        std::string_view(argv[3]) == "write" ? BlockRequest::Kind::Write : BlockRequest::Kind::Read;
    row.bytes = number(4);
    row.strideBytes = number(5); // "random" is 0
    row.count = number(6);
    row.depth = argc > 7 ? static_cast<unsigned>(number(7)) : 64;
    std::vector<ChainFile> files(1);
    files[0].fd = UniqueFd(::open(argv[1], O_RDWR | O_CLOEXEC));
    files[0].format = std::string_view(argv[2]) == "raw" ? ImageFormat::Raw : ImageFormat::Qcow2;
    auto disk = DiskChain::open(std::move(files));
    if (!disk) {
        std::fprintf(stderr, "%s\n", disk.error().detail.c_str());
        return 1;
    }
    const double cpuBegin = cpuSeconds();
    const auto begin = std::chrono::steady_clock::now();
    if (!Runner(**disk, row).run()) {
        std::fprintf(stderr, "a request failed\n");
        return 1;
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    std::printf("{\"seconds\":%.6f,\"cpu_seconds\":%.6f}\n", took.count(), cpuSeconds() - cpuBegin);
    return 0;
}
