#include "vmm/disk/qcow2/compression.h"

#include <memory>

#include <zlib.h>
#include <zstd.h>

namespace vivarium::qcow2 {

namespace {

constexpr int kRawDeflate = -12; // no zlib header, a window of 4 KiB, as QEMU writes it
constexpr int kAnyWindow = -15;

bool inflateCluster(ConstByteSpan packed, ByteSpan cluster) {
    z_stream stream{};
    if (::inflateInit2(&stream, kAnyWindow) != Z_OK)
        return false;
    stream.next_in = const_cast<uint8_t*>(packed.data()); // zlib's interface is not const
    stream.avail_in = static_cast<unsigned>(packed.size());
    stream.next_out = cluster.data();
    stream.avail_out = static_cast<unsigned>(cluster.size());
    const int result = ::inflate(&stream, Z_FINISH);
    const bool full = stream.avail_out == 0;
    ::inflateEnd(&stream);
    // The packed length is known to the sector only: the end is where the cluster is full.
    return full && (result == Z_STREAM_END || result == Z_BUF_ERROR || result == Z_OK);
}

std::vector<uint8_t> deflateCluster(ConstByteSpan cluster) {
    std::vector<uint8_t> out(cluster.size());
    z_stream stream{};
    if (::deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kRawDeflate, 9,
                       Z_DEFAULT_STRATEGY) != Z_OK)
        return {};
    stream.next_in = const_cast<uint8_t*>(cluster.data());
    stream.avail_in = static_cast<unsigned>(cluster.size());
    stream.next_out = out.data();
    stream.avail_out = static_cast<unsigned>(out.size());
    const int result = ::deflate(&stream, Z_FINISH);
    out.resize(out.size() - stream.avail_out);
    ::deflateEnd(&stream);
    return result == Z_STREAM_END && out.size() < cluster.size() ? out : std::vector<uint8_t>{};
}

// The frame may be followed by bytes that are not part of it, so the streaming interface is used.
bool unpackZstd(ConstByteSpan packed, ByteSpan cluster) {
    std::unique_ptr<ZSTD_DCtx, size_t (*)(ZSTD_DCtx*)> context(::ZSTD_createDCtx(),
                                                               ::ZSTD_freeDCtx);
    if (!context)
        return false;
    ZSTD_inBuffer in{packed.data(), packed.size(), 0};
    ZSTD_outBuffer out{cluster.data(), cluster.size(), 0};
    while (out.pos < out.size) {
        const size_t inBefore = in.pos;
        const size_t outBefore = out.pos;
        const size_t result = ::ZSTD_decompressStream(context.get(), &out, &in);
        if (::ZSTD_isError(result))
            return false;
        if (out.pos < out.size && in.pos == inBefore && out.pos == outBefore)
            return false; // cut off
        if (result == 0 && out.pos < out.size)
            return false; // the frame is shorter than a cluster
    }
    return true;
}

std::vector<uint8_t> packZstd(ConstByteSpan cluster) {
    std::vector<uint8_t> out(cluster.size());
    const size_t bytes = ::ZSTD_compress(out.data(), out.size(), cluster.data(), cluster.size(),
                                         ZSTD_CLEVEL_DEFAULT);
    if (::ZSTD_isError(bytes) || bytes >= cluster.size())
        return {};
    out.resize(bytes);
    return out;
}

} // namespace

bool decompressCluster(Compression type, ConstByteSpan packed, ByteSpan cluster) {
    switch (type) {
    case Compression::Zlib:
        return inflateCluster(packed, cluster);
    case Compression::Zstd:
        return unpackZstd(packed, cluster);
    }
    return false;
}

std::vector<uint8_t> compressCluster(Compression type, ConstByteSpan cluster) {
    switch (type) {
    case Compression::Zlib:
        return deflateCluster(cluster);
    case Compression::Zstd:
        return packZstd(cluster);
    }
    return {};
}

} // namespace vivarium::qcow2
