#include "app/image/image_detection.h"

#include "vmm/base/bytes.h"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include <sys/stat.h>
#include <unistd.h>

namespace vivarium::image {

using control::ImageKind;

namespace {

constexpr size_t kSectorBytes = 512;
// A descriptor of more lists thousands of files; the format's own programs stop at this, too.
constexpr size_t kMaxDescriptorBytes = 1 << 20;
constexpr std::string_view kDescriptorStart = "# Disk DescriptorFile";

Result<std::vector<uint8_t>> readAt(const UniqueFd& fd, uint64_t offset, size_t length) {
    std::vector<uint8_t> bytes(length);
    size_t done = 0;
    while (done < length) {
        const ssize_t count = ::pread(fd.get(), bytes.data() + done, length - done,
                                      static_cast<off_t>(offset + done));
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return systemError(errno, "read disk image");
        if (count == 0)
            break;
        done += static_cast<size_t>(count);
    }
    bytes.resize(done);
    return bytes;
}

bool startsWith(const std::vector<uint8_t>& bytes, std::string_view text, size_t at = 0) {
    return bytes.size() >= at + text.size() &&
           std::memcmp(bytes.data() + at, text.data(), text.size()) == 0;
}

uint64_t fileBytes(const UniqueFd& fd) {
    struct stat status {};
    return ::fstat(fd.get(), &status) == 0 ? static_cast<uint64_t>(status.st_size) : 0;
}

Error refersToOthers(const std::string& what) {
    return fail(ErrorCode::Unsupported, "The image is not complete in itself: " + what +
                                            "; export it again as one stand-alone file.");
}

std::string lower(std::string_view text) {
    std::string result(text);
    std::transform(result.begin(), result.end(), result.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return result;
}

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front())))
        text.remove_prefix(1);
    while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())))
        text.remove_suffix(1);
    return text;
}

// "Virtual Disk Format 5.0" (VMware), descriptor: key=value lines and one line an extent, such as
// RW 63 SPARSE "name.vmdk". The descriptor inside a sparse file names that file itself.
Result<void> checkVmdkDescriptor(std::string_view text) {
    int extents = 0;
    while (!text.empty()) {
        const size_t end = std::min(text.find('\n'), text.size());
        const std::string line = lower(trimmed(text.substr(0, end)));
        text.remove_prefix(std::min(end + 1, text.size()));
        if (line.starts_with("parentcid") && line.find("ffffffff") == std::string::npos)
            return refersToOthers("it only has what differs from another image");
        if (line.starts_with("parentfilenamehint"))
            return refersToOthers("it only has what differs from another image");
        if (!line.starts_with("rw ") && !line.starts_with("rdonly ") &&
            !line.starts_with("noaccess "))
            continue;
        ++extents;
        if (line.find(" sparse ") == std::string::npos || extents > 1)
            return refersToOthers("its data are in other files");
    }
    return {};
}

// The header of a sparse extent: "KDMV", then at 28 the descriptor's sector and at 36 its length,
// little endian.
Result<void> checkVmdk(const UniqueFd& fd) {
    const std::vector<uint8_t> header = TRY(readAt(fd, 0, kSectorBytes));
    if (startsWith(header, kDescriptorStart))
        return refersToOthers(
            "it is only the description of an image whose data are in other files");
    if (startsWith(header, "COWD"))
        return refersToOthers("it is an extent of an ESX disk");
    if (!startsWith(header, "KDMV") || header.size() < kSectorBytes)
        return fail(ErrorCode::Corrupt, "The VMDK image is damaged: its header is not one.");
    const uint64_t sector = loadLe<uint64_t>(header.data() + 28);
    const uint64_t sectors = loadLe<uint64_t>(header.data() + 36);
    if (loadLe<uint64_t>(header.data() + 12) == 0)
        return refersToOthers("it has no capacity of its own");
    if (sector == 0)
        return {};
    if (sector > fileBytes(fd) / kSectorBytes || sectors > kMaxDescriptorBytes / kSectorBytes)
        return fail(ErrorCode::Corrupt, "The VMDK image is damaged: its descriptor is misplaced.");
    const std::vector<uint8_t> bytes =
        TRY(readAt(fd, sector * kSectorBytes, sectors * kSectorBytes));
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return checkVmdkDescriptor(text.substr(0, text.find('\0')));
}

// VirtualBox, VDICore.h: the image type at 76; 4 is a differencing image.
Result<void> checkVdi(const UniqueFd& fd) {
    const std::vector<uint8_t> header = TRY(readAt(fd, 0, kSectorBytes));
    if (header.size() < kSectorBytes)
        return fail(ErrorCode::Corrupt, "The VDI image is damaged: its header is cut off.");
    if (loadLe<uint32_t>(header.data() + 76) == 4)
        return refersToOthers("it only has what differs from another image");
    return {};
}

// "Virtual Hard Disk Image Format Specification" (Microsoft, 2006), hard disk footer: the disk type
// at 60, big endian; 4 is a differencing disk.
Result<void> checkVhd(const UniqueFd& fd) {
    std::vector<uint8_t> footer = TRY(readAt(fd, 0, kSectorBytes));
    const uint64_t size = fileBytes(fd);
    if (!startsWith(footer, "conectix") && size >= kSectorBytes)
        footer = TRY(readAt(fd, size - kSectorBytes, kSectorBytes));
    if (!startsWith(footer, "conectix") || footer.size() < kSectorBytes)
        return fail(ErrorCode::Corrupt, "The VHD image is damaged: it has no footer.");
    if (loadBe<uint32_t>(footer.data() + 60) == 4)
        return refersToOthers("it only has what differs from another image");
    return {};
}

} // namespace

Result<ImageKind> detectImageKind(const UniqueFd& fd) {
    const std::vector<uint8_t> head = TRY(readAt(fd, 0, kSectorBytes));
    constexpr std::string_view kVdiSignature("\x7f\x10\xda\xbe", 4); // 0xbeda107f at 64
    if (startsWith(head, "QFI\xfb"))
        return ImageKind::Qcow2;
    if (startsWith(head, "KDMV") || startsWith(head, "COWD") || startsWith(head, kDescriptorStart))
        return ImageKind::Vmdk;
    if (startsWith(head, kVdiSignature, 64))
        return ImageKind::Vdi;
    if (startsWith(head, "vhdxfile"))
        return ImageKind::Vhdx;
    if (startsWith(head, "conectix"))
        return ImageKind::Vhd;
    // A VHD of fixed size is a raw image with a footer.
    const uint64_t size = fileBytes(fd);
    if (size >= kSectorBytes && size % kSectorBytes == 0 &&
        startsWith(TRY(readAt(fd, size - kSectorBytes, kSectorBytes)), "conectix"))
        return ImageKind::Vhd;
    return ImageKind::Raw;
}

Result<void> checkSelfContained(const UniqueFd& fd, ImageKind kind) {
    switch (kind) {
    case ImageKind::Vmdk:
        return checkVmdk(fd);
    case ImageKind::Vdi:
        return checkVdi(fd);
    case ImageKind::Vhd:
        return checkVhd(fd);
    case ImageKind::Vhdx: // qemu-img refuses one with a parent by itself
    case ImageKind::Detect:
    case ImageKind::Raw:
    case ImageKind::Qcow2:
        return {};
    }
    return {};
}

} // namespace vivarium::image
