#pragma once

#include "vmm/disk/chain/disk_chain.h"
#include "vmm/disk/jobs/image_jobs.h"
#include "vmm/disk/test_support/request_runner.h"

#include <QByteArray>
#include <QFile>
#include <QProcess>
#include <QString>
#include <QStringList>
#include <QTemporaryDir>

#include <future>
#include <random>

#include <fcntl.h>

namespace vivarium::test {

// Runs a program to its end; what it printed (both channels) in `*output`. The exit code, -1 for a
// crash.
inline int runTool(const QString& program, const QStringList& arguments,
                   QString* output = nullptr) {
    QProcess process;
    process.setProcessChannelMode(QProcess::MergedChannels);
    process.start(program, arguments);
    if (!process.waitForFinished(60000) || process.exitStatus() != QProcess::NormalExit)
        return -1;
    const QString text = QString::fromLocal8Bit(process.readAll());
    if (process.exitCode() != 0 && !output)
        qWarning("%s: %s", qUtf8Printable(arguments.join(u' ')), qUtf8Printable(text));
    if (output)
        *output = text;
    return process.exitCode();
}
inline int qemuImg(const QStringList& arguments, QString* output = nullptr) {
    return runTool(QStringLiteral("qemu-img"), arguments, output);
}

inline UniqueFd openFile(const QString& path, int flags = O_RDWR) {
    return UniqueFd(::open(path.toLocal8Bit().constData(), flags | O_CLOEXEC, 0600));
}
inline UniqueFd newFile(const QString& path) {
    return openFile(path, O_RDWR | O_CREAT | O_TRUNC);
}

inline std::vector<uint8_t> fileBytes(const QString& path) {
    QFile file(path);
    if (!file.open(QIODevice::ReadOnly))
        return {};
    const QByteArray bytes = file.readAll();
    return {bytes.begin(), bytes.end()};
}

struct NamedFile {
    QString path;
    ImageFormat format = ImageFormat::Qcow2;
};
// Base first. The top is opened read-write, the others read-only, unless `lower` says otherwise.
inline std::vector<ChainFile> chainFiles(const std::vector<NamedFile>& files, int top = O_RDWR,
                                         int lower = O_RDONLY) {
    std::vector<ChainFile> out;
    for (size_t i = 0; i < files.size(); ++i)
        out.push_back(
            {openFile(files[i].path, i + 1 == files.size() ? top : lower), files[i].format});
    return out;
}
inline ImageChain imageChain(const std::vector<NamedFile>& files, int mode = O_RDONLY) {
    ImageChain out;
    for (const NamedFile& file : files)
        out.push_back({openFile(file.path, mode), file.format});
    return out;
}

inline std::unique_ptr<DiskChain> openChain(const std::vector<NamedFile>& files,
                                            DiskChainOptions options = {}) {
    const bool reads = options.access == DiskAccess::ReadOnly;
    auto chain = DiskChain::open(chainFiles(files, reads ? O_RDONLY : O_RDWR), options);
    if (!chain)
        qWarning("open: %s", chain.error().detail.c_str());
    return chain ? std::move(*chain) : nullptr;
}

// Waits for an operation that reports by a callback.
class Waiter {
public:
    DiskChain::Done callback() {
        return
            [promise = m_promise](Result<void> result) { promise->set_value(std::move(result)); };
    }
    Result<void> wait() { return m_promise->get_future().get(); }

private:
    std::shared_ptr<std::promise<Result<void>>> m_promise =
        std::make_shared<std::promise<Result<void>>>();
};

// Random writes, zeroes and discards on a disk and on a model of it.
class RandomGuest {
public:
    RandomGuest(std::vector<uint8_t>& model, unsigned seed) : m_model(model), m_random(seed) {}
    // 0 or the errno of the first failure; reads back now and then: EILSEQ for a difference.
    int run(BlockDevice& disk, int operations) {
        for (int i = 0; i < operations; ++i) {
            const uint64_t sectors = m_model.size() / 512;
            const uint64_t first = m_random() % sectors;
            const uint64_t most = m_random() % 4 == 0 ? 512 : 24;
            const uint64_t count = std::min<uint64_t>(1 + m_random() % most, sectors - first);
            const uint64_t offset = first * 512;
            const uint64_t bytes = count * 512;
            int error = 0;
            switch (m_random() % 10) {
            case 0:
                std::fill_n(m_model.begin() + static_cast<std::ptrdiff_t>(offset), bytes, 0);
                error = runSimple(disk, BlockRequest::Kind::WriteZeroes, offset, bytes);
                break;
            case 1: { // what a discarded range reads as is the disk's choice
                error = runSimple(disk, BlockRequest::Kind::Discard, offset, bytes);
                std::vector<uint8_t> now(bytes);
                if (error == 0)
                    error = readBytes(disk, offset, now);
                std::copy(now.begin(), now.end(),
                          m_model.begin() + static_cast<std::ptrdiff_t>(offset));
                break;
            }
            case 2:
                error = runSimple(disk, BlockRequest::Kind::Flush);
                break;
            case 3: {
                std::vector<uint8_t> now(bytes);
                error = readBytes(disk, offset, now);
                if (error == 0 &&
                    !std::equal(now.begin(), now.end(),
                                m_model.begin() + static_cast<std::ptrdiff_t>(offset)))
                    error = EILSEQ;
                break;
            }
            default: {
                std::vector<uint8_t> data(bytes);
                const auto value = static_cast<uint8_t>(m_random());
                for (size_t at = 0; at < data.size(); ++at)
                    data[at] = static_cast<uint8_t>(value + at / 512 * 31 + at);
                std::copy(data.begin(), data.end(),
                          m_model.begin() + static_cast<std::ptrdiff_t>(offset));
                error = writeBytes(disk, offset, std::move(data));
            }
            }
            if (error != 0)
                return error;
        }
        return 0;
    }

private:
    std::vector<uint8_t>& m_model;
    std::mt19937 m_random;
};

inline std::vector<uint8_t> wholeDisk(BlockDevice& disk) {
    std::vector<uint8_t> bytes(disk.sizeBytes());
    return readBytes(disk, 0, bytes) == 0 ? bytes : std::vector<uint8_t>{};
}

} // namespace vivarium::test
