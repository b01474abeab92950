#include "vmm/disk/chain/layer.h"

#include <algorithm>
#include <cerrno>

namespace vivarium {

namespace {

constexpr uint64_t kSectorBytes = 512;

// A file whose bytes are the disk's, 1:1.
class RawLayer final : public Layer {
public:
    RawLayer(std::unique_ptr<AsyncFile> file, Access access)
        : m_file(std::move(file)), m_access(access),
          m_sizeBytes(alignUp(m_file->sizeBytes(), kSectorBytes)) {}

    ImageFormat format() const override { return ImageFormat::Raw; }
    uint64_t sizeBytes() const override { return m_sizeBytes; }
    AsyncFile& file() override { return *m_file; }
    bool writable() const override { return m_access == Access::ReadWrite; }

    bool findCached(uint64_t offset, uint64_t length, LayerExtent* extent) override {
        *extent = {LayerExtent::Kind::Data, length, offset, {}};
        return true;
    }
    Task<Lookup> find(uint64_t offset, uint64_t length, Detail detail) override {
        Lookup out{{LayerExtent::Kind::Data, length, offset, {}}, 0};
        if (detail == Detail::Format)
            co_return out;
        const AsyncFile::DataRange data = m_file->nextData(offset, length);
        // Holes are smaller than sectors in no file system, but the end of the file can be
        // anywhere.
        const uint64_t begin = std::max(offset, alignDown(data.beginBytes, kSectorBytes));
        if (begin > offset) {
            out.extent.kind = LayerExtent::Kind::Zero;
            out.extent.lengthBytes = begin - offset;
        } else {
            out.extent.lengthBytes =
                std::min(length, alignUp(data.endBytes, kSectorBytes) - offset);
        }
        co_return out;
    }
    Task<int> readCompressed(LayerExtent, uint64_t, IoBuffers) override { co_return EINVAL; }

    Task<int> write(uint64_t offset, IoBuffers data, qcow2::BelowReader*) override {
        if (!writable())
            co_return EROFS;
        int error = co_await m_file->write(offset, data);
        ++m_writes;
        co_return error;
    }
    Task<int> clear(uint64_t offset, uint64_t length, qcow2::Image::Clear how,
                    qcow2::BelowReader*) override {
        if (!writable())
            co_return EROFS;
        ++m_writes;
        int error = co_await m_file->range(IoOp::Kind::PunchHole, offset, length);
        if (how == qcow2::Image::Clear::Discard || error == 0)
            co_return error == EOPNOTSUPP || error == ENOTSUP ? 0 : error;
        error = co_await m_file->range(IoOp::Kind::ZeroRange, offset, length);
        constexpr uint64_t kChunkBytes = 1 << 20;
        OwnedBytes zeroes;
        if (error != 0)
            zeroes = allocateZeroes(std::min(length, kChunkBytes));
        while (zeroes && length > 0) {
            const uint64_t bytes = std::min(length, kChunkBytes);
            error = co_await m_file->write(offset, zeroes.get(), bytes);
            if (error != 0)
                co_return error;
            offset += bytes;
            length -= bytes;
        }
        ++m_writes;
        co_return error;
    }
    Task<int> flush() override {
        if (m_syncFailed) // the kernel has dropped the dirty pages
            co_return EIO;
        const uint64_t covers = m_writes;
        if (covers == m_synced)
            co_return 0;
        int error = co_await m_file->sync();
        if (error != 0)
            m_syncFailed = true;
        else
            m_synced = std::max(m_synced, covers);
        co_return error;
    }
    Task<int> close() override { return flush(); }
    Task<int> resize(uint64_t sizeBytes, qcow2::BelowReader*) override {
        int error = m_file->truncate(sizeBytes);
        ++m_writes;
        if (error == 0)
            m_sizeBytes = sizeBytes;
        if (error == 0)
            error = co_await flush();
        co_return error;
    }

private:
    std::unique_ptr<AsyncFile> m_file;
    Access m_access;
    uint64_t m_sizeBytes;
    uint64_t m_writes = 0;
    uint64_t m_synced = 0;
    bool m_syncFailed = false;
};

LayerExtent layerExtent(const qcow2::GuestExtent& from) {
    LayerExtent out;
    out.lengthBytes = from.lengthBytes;
    switch (from.entry.kind) {
    case qcow2::ClusterEntry::Kind::Unallocated:
        out.kind = LayerExtent::Kind::Unallocated;
        break;
    case qcow2::ClusterEntry::Kind::Zero:
        out.kind = LayerExtent::Kind::Zero;
        break;
    case qcow2::ClusterEntry::Kind::Data:
        out.kind = LayerExtent::Kind::Data;
        out.hostOffset = from.entry.hostOffset;
        break;
    case qcow2::ClusterEntry::Kind::Compressed:
        out.kind = LayerExtent::Kind::Compressed;
        out.compressed = from;
        break;
    }
    return out;
}

class Qcow2Layer final : public Layer {
public:
    explicit Qcow2Layer(std::unique_ptr<qcow2::Image> image) : m_image(std::move(image)) {}

    ImageFormat format() const override { return ImageFormat::Qcow2; }
    uint64_t sizeBytes() const override { return m_image->diskBytes(); }
    AsyncFile& file() override { return m_image->file(); }
    bool writable() const override { return m_image->writable(); }
    bool findCached(uint64_t offset, uint64_t length, LayerExtent* extent) override {
        qcow2::GuestExtent found;
        if (!m_image->findCached(offset, length, &found))
            return false;
        *extent = layerExtent(found);
        return true;
    }
    Task<Lookup> find(uint64_t offset, uint64_t length, Detail) override {
        qcow2::ClusterMap::Lookup found = co_await m_image->find(offset, length);
        co_return Lookup{layerExtent(found.extent), found.error};
    }
    Task<int> readCompressed(LayerExtent extent, uint64_t offset, IoBuffers buffers) override {
        return m_image->readCompressed(extent.compressed, offset, std::move(buffers));
    }
    Task<int> write(uint64_t offset, IoBuffers data, qcow2::BelowReader* below) override {
        return m_image->write(offset, std::move(data), below);
    }
    Task<int> clear(uint64_t offset, uint64_t length, qcow2::Image::Clear how,
                    qcow2::BelowReader* below) override {
        return m_image->clear(offset, length, how, below);
    }
    Task<int> flush() override { return m_image->flush(); }
    Task<int> close() override { return m_image->close(); }
    Task<int> resize(uint64_t sizeBytes, qcow2::BelowReader* below) override {
        return m_image->resize(sizeBytes, below);
    }
    qcow2::Image* qcow2Image() override { return m_image.get(); }

private:
    std::unique_ptr<qcow2::Image> m_image;
};

} // namespace

const char* imageFormatName(ImageFormat format) {
    switch (format) {
    case ImageFormat::Raw:
        return "raw";
    case ImageFormat::Qcow2:
        return "qcow2";
    }
    return "";
}

Task<LayerResult> openLayer(IoLoop& loop, std::unique_ptr<AsyncFile> file, ImageFormat format,
                            Layer::Access access) {
    if (format == ImageFormat::Raw) {
        std::unique_ptr<Layer> layer = std::make_unique<RawLayer>(std::move(file), access);
        co_return std::move(layer);
    }
    qcow2::Image::OpenResult image = co_await qcow2::Image::open(
        loop, std::move(file),
        access == Layer::Access::ReadWrite ? qcow2::Image::Access::ReadWrite
                                           : qcow2::Image::Access::ReadOnly);
    if (!image)
        co_return std::move(image).error();
    std::unique_ptr<Layer> layer = std::make_unique<Qcow2Layer>(std::move(*image));
    co_return std::move(layer);
}

} // namespace vivarium
