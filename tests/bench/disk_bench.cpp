// 4 KiB writes and reads (random, and in the strides of `qemu-img bench -S 69632`) and streams of
// 256 KiB through the disk engine, 64 requests in flight, as JSON. Usage: disk_bench FOLDER
// [MEGABYTES]

#include "vmm/disk/chain/disk_chain.h"
#include "vmm/disk/jobs/image_jobs.h"

#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <random>
#include <string>

#include <fcntl.h>

using namespace vivarium;

namespace {

constexpr unsigned kDepth = 64;

double seconds(std::chrono::steady_clock::time_point since) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - since).count();
}

enum class Pattern { Sequential, Strided, Random };
constexpr uint64_t kStrideBytes = 69632;

uint64_t offsetOf(Pattern pattern, uint64_t index, uint64_t bytes, uint64_t diskBytes,
                  std::mt19937_64& generator) {
    const uint64_t slots = diskBytes / bytes;
    switch (pattern) {
    case Pattern::Sequential:
        return index % slots * bytes;
    case Pattern::Strided:
        return index * kStrideBytes % (slots * bytes);
    case Pattern::Random:
        return generator() % slots * bytes;
    }
    return 0;
}

// Keeps kDepth requests in flight until `count` are done; the time that took, < 0 after an error.
double runRequests(BlockDevice& disk, BlockRequest::Kind kind, size_t bytes, uint64_t count,
                   Pattern pattern) {
    std::mutex mutex;
    std::condition_variable changed;
    std::vector<unsigned> idle;
    std::vector<std::vector<uint8_t>> buffers(kDepth, std::vector<uint8_t>(bytes, 0x5a));
    for (unsigned i = 0; i < kDepth; ++i)
        idle.push_back(i);
    bool failed = false;
    std::mt19937_64 generator(1);
    const auto begin = std::chrono::steady_clock::now();
    for (uint64_t i = 0; i < count; ++i) {
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return !idle.empty(); });
        const unsigned slot = idle.back();
        idle.pop_back();
        lock.unlock();
        BlockRequest request;
        request.kind = kind;
        request.offsetBytes = offsetOf(pattern, i, bytes, disk.sizeBytes(), generator);
        request.lengthBytes = bytes;
        request.buffers = {{buffers[slot].data(), bytes}};
        request.completed = [&, slot](int error) {
            std::lock_guard done(mutex);
            failed = failed || error != 0;
            idle.push_back(slot);
            changed.notify_one();
        };
        disk.submit(std::move(request));
    }
    disk.drain();
    return failed ? -1 : seconds(begin);
}

Result<std::unique_ptr<DiskChain>> makeDisk(const std::string& path, ImageFormat format,
                                            uint64_t diskBytes, Preallocation preallocation) {
    UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!fd)
        return systemError(errno, "create " + path);
    UniqueFd second = TRY(fd.duplicate());
    if (format == ImageFormat::Raw) {
        TRY(createRaw(std::move(second), diskBytes, preallocation));
    } else {
        Qcow2Options options;
        options.diskBytes = diskBytes;
        options.preallocation = preallocation;
        TRY(createQcow2(std::move(second), options));
    }
    std::vector<ChainFile> files;
    files.push_back({std::move(fd), format});
    return DiskChain::open(std::move(files));
}

} // namespace

int main(int argc, char** argv) {
    if (argc < 2)
        return 2;
    const uint64_t diskBytes = (argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 512) << 20;
    struct Case {
        const char* name;
        ImageFormat format;
        Preallocation preallocation;
    };
    const Case cases[] = {{"raw", ImageFormat::Raw, Preallocation::Full},
                          {"qcow2_new", ImageFormat::Qcow2, Preallocation::Off},
                          {"qcow2_allocated", ImageFormat::Qcow2, Preallocation::Full}};
    std::printf("{");
    for (const Case& one : cases) {
        const std::string path = std::string(argv[1]) + "/bench-" + one.name;
        auto disk = makeDisk(path, one.format, diskBytes, one.preallocation);
        if (!disk) {
            std::fprintf(stderr, "%s\n", disk.error().detail.c_str());
            return 1;
        }
        constexpr uint64_t kCount = 50000;
        constexpr size_t kBlockBytes = 4096;
        constexpr size_t kStreamBytes = 256 * 1024;
        const auto small = [&](BlockRequest::Kind kind, Pattern pattern) {
            return static_cast<double>(kCount) /
                   runRequests(**disk, kind, kBlockBytes, kCount, pattern);
        };
        const auto stream = [&](BlockRequest::Kind kind) {
            return 2.0 * static_cast<double>(diskBytes) / 1e6 /
                   runRequests(**disk, kind, kStreamBytes, 2 * diskBytes / kStreamBytes,
                               Pattern::Sequential);
        };
        using Kind = BlockRequest::Kind;
        std::printf("%s\"%s\":{", &one == cases ? "" : ",", one.name);
        std::printf("\"random_4k_write_iops\":%.0f,", small(Kind::Write, Pattern::Random));
        std::printf("\"strided_4k_write_iops\":%.0f,", small(Kind::Write, Pattern::Strided));
        std::printf("\"sequential_write_mb_s\":%.0f,", stream(Kind::Write));
        std::printf("\"random_4k_read_iops\":%.0f,", small(Kind::Read, Pattern::Random));
        std::printf("\"strided_4k_read_iops\":%.0f,", small(Kind::Read, Pattern::Strided));
        std::printf("\"sequential_read_mb_s\":%.0f}", stream(Kind::Read));
        disk->reset();
        std::remove(path.c_str());
    }
    std::printf("}\n");
    return 0;
}
