#pragma once

#include "vmm/disk/io/io_loop.h"
#include "vmm/disk/qcow2/image.h"

#include <memory>
#include <string>

namespace vivarium {

enum class ImageFormat { Raw, Qcow2 };
const char* imageFormatName(ImageFormat format); // "raw", "qcow2"

// A row of bytes of one layer that are stored alike.
struct LayerExtent {
    enum class Kind { Unallocated /* ask the layer below */, Zero, Data, Compressed };
    Kind kind = Kind::Unallocated;
    uint64_t lengthBytes = 0;
    uint64_t hostOffset = 0; // Data: in the layer's file
    qcow2::GuestExtent compressed;
};

// One image of a chain. Lives on its loop's thread; offsets are inside the layer.
class Layer {
public:
    enum class Access { ReadWrite, ReadOnly };
    virtual ~Layer() = default;
    virtual ImageFormat format() const = 0;
    virtual uint64_t sizeBytes() const = 0;
    virtual AsyncFile& file() = 0;
    virtual bool writable() const = 0;

    struct Lookup {
        LayerExtent extent;
        int error;
    };
    // length > 0. Detail: Holes asks the file system where a raw file has none of its bytes stored.
    enum class Detail { Format, Holes };
    virtual Task<Lookup> find(uint64_t offset, uint64_t length, Detail detail) = 0;
    // The same without waiting, where that is possible.
    virtual bool findCached(uint64_t offset, uint64_t length, LayerExtent* extent) = 0;
    virtual Task<int> readCompressed(LayerExtent extent, uint64_t offset, IoBuffers buffers) = 0;

    virtual Task<int> write(uint64_t offset, IoBuffers data, qcow2::BelowReader* below) = 0;
    virtual Task<int> clear(uint64_t offset, uint64_t length, qcow2::Image::Clear clear,
                            qcow2::BelowReader* below) = 0;
    virtual Task<int> flush() = 0;
    virtual Task<int> close() = 0;
    virtual Task<int> resize(uint64_t sizeBytes, qcow2::BelowReader* below) = 0;
    virtual qcow2::Image* qcow2Image() { return nullptr; }
};

using LayerResult = Result<std::unique_ptr<Layer>>;
Task<LayerResult> openLayer(IoLoop& loop, std::unique_ptr<AsyncFile> file, ImageFormat format,
                            Layer::Access access);

} // namespace vivarium
