#include "tests/support/test_main.h"
#include "vmm/disk/qcow2/check.h"
#include "vmm/disk/qcow2/create.h"
#include "vmm/disk/test_support/crash_file.h"

#include <QTest>

#include <set>

using namespace vivarium;
using namespace vivarium::qcow2;
using vivarium::test::CrashFile;

namespace {

constexpr uint64_t kDiskBytes = 256 * 1024;
constexpr uint64_t kSectors = kDiskBytes / 512;
constexpr uint64_t kBelowTag = 0xbe10be10;

// A backing file that shows the same sector everywhere.
class PatternBelow final : public BelowReader {
public:
    Task<int> readBelow(uint64_t, IoBuffers buffers, bool* zero) override {
        std::vector<uint64_t> words(buffers.bytes() / 8, kBelowTag);
        buffers.copyFrom(reinterpret_cast<const uint8_t*>(words.data()));
        if (zero)
            *zero = false;
        co_return 0;
    }
};

// What each sector may contain after a power cut.
struct Expectation {
    std::vector<std::set<uint64_t>> allowed;
    std::vector<uint64_t> now;
};

struct Scenario {
    Scenario(IoLoop& ioLoop, std::vector<uint8_t> bytes, bool backed)
        : loop(ioLoop), backing(backed), m_random(99) {
        auto crash = std::make_unique<CrashFile>(loop, std::move(bytes));
        file = crash.get();
        auto opened =
            loop.runUntilDone(Image::open(loop, std::move(crash), Image::Access::ReadWrite));
        if (opened)
            image = std::move(*opened);
        const uint64_t tag = backed ? kBelowTag : 0;
        expected.now.assign(kSectors, tag);
        expected.allowed.assign(kSectors, {tag});
    }

    BelowReader* below() { return backing ? &m_below : nullptr; }

    void run(int operations) {
        for (int i = 0; i < operations; ++i) {
            const uint64_t first = m_random() % kSectors;
            const uint64_t count = std::min<uint64_t>(1 + m_random() % 40, kSectors - first);
            const unsigned kind = m_random() % 8;
            if (i == operations / 2)
                changeHeader();
            if (kind == 0)
                flush();
            else if (kind == 1)
                clear(first, count);
            else
                write(first, count);
        }
        flush();
    }

    IoLoop& loop;
    bool backing;
    CrashFile* file = nullptr;
    std::unique_ptr<Image> image;
    Expectation expected;

private:
    void flush() {
        if (loop.runUntilDone(image->flush()) != 0)
            return;
        for (uint64_t i = 0; i < kSectors; ++i)
            expected.allowed[i] = {expected.now[i]};
    }
    void write(uint64_t first, uint64_t count) {
        std::vector<uint64_t> words(count * 64);
        for (uint64_t i = 0; i < count; ++i) {
            const uint64_t tag = ++m_tag;
            std::fill_n(words.begin() + static_cast<std::ptrdiff_t>(i * 64), 64, tag);
            expected.allowed[first + i].insert(tag);
            expected.now[first + i] = tag;
        }
        // After the power cut it fails, which the expectation allows.
        static_cast<void>(loop.runUntilDone(
            image->write(first * 512, IoBuffers(words.data(), count * 512), below())));
    }
    void clear(uint64_t first, uint64_t count) {
        for (uint64_t i = first; i < first + count; ++i) {
            expected.allowed[i].insert(0);
            expected.now[i] = 0;
        }
        static_cast<void>(
            loop.runUntilDone(image->clear(first * 512, count * 512, Image::Clear::Zero, below())));
    }

    // Changes outside the guest's view: the names are longer than a sector, the L1 table is
    // replaced.
    void changeHeader() {
        for (const char letter : {'a', 'b'})
            if (backing && image->clusterBytes() >= 4096)
                static_cast<void>(
                    loop.runUntilDone(image->setBacking(std::string(700, letter), "raw")));
        static_cast<void>(loop.runUntilDone(image->resize(2 * kDiskBytes, below())));
    }

    PatternBelow m_below;
    std::mt19937 m_random;
    uint64_t m_tag = 0x1000;
};

} // namespace

class Qcow2PowerCutTest : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void everyWriteIndex_data() {
        QTest::addColumn<int>("clusterBytes");
        QTest::addColumn<int>("version");
        QTest::addColumn<int>("refcountBits");
        QTest::addColumn<bool>("backed");
        QTest::newRow("512") << 512 << 3 << 16 << false;
        QTest::newRow("512, 64-bit refcounts") << 512 << 3 << 64 << false;
        QTest::newRow("4096") << 4096 << 3 << 16 << false;
        QTest::newRow("4096 over a base") << 4096 << 3 << 16 << true;
        QTest::newRow("65536") << 65536 << 3 << 16 << false;
        QTest::newRow("version 2 over a base") << 4096 << 2 << 16 << true;
    }
    void everyWriteIndex() {
        QFETCH(int, clusterBytes);
        QFETCH(int, version);
        QFETCH(int, refcountBits);
        QFETCH(bool, backed);
        auto made = IoLoop::create(IoEngine::Kind::ThreadPool);
        QVERIFY(made);
        IoLoop& loop = **made;
        CrashFile fresh(loop);
        CreateOptions options;
        options.diskBytes = kDiskBytes;
        options.clusterBytes = static_cast<uint32_t>(clusterBytes);
        options.version = static_cast<unsigned>(version);
        options.refcountBits = static_cast<unsigned>(refcountBits);
        if (backed) {
            options.backingName = "base";
            options.backingFormat = "raw";
        }
        QVERIFY(loop.runUntilDone(createImage(loop, fresh, options)));
        constexpr int kOperations = 40;
        uint64_t total = 0;
        {
            Scenario whole(loop, fresh.bytes(), backed);
            QVERIFY(whole.image);
            whole.run(kOperations);
            QCOMPARE(loop.runUntilDone(whole.image->close()), 0);
            total = whole.file->changes();
        }
        std::mt19937 random(7);
        const uint64_t step = std::max<uint64_t>(1, total / 60);
        for (uint64_t cut = 0; cut < total; cut += step) {
            Scenario scenario(loop, fresh.bytes(), backed);
            scenario.file->dieAfter(cut);
            scenario.run(kOperations);
            for (int variant = 0; variant < 2; ++variant) {
                const QString failure = inspect(loop, scenario, random);
                QVERIFY2(
                    failure.isEmpty(),
                    qPrintable(
                        QStringLiteral("cut at %1 of %2: %3").arg(cut).arg(total).arg(failure)));
            }
        }
    }

private:
    QString inspect(IoLoop& loop, Scenario& scenario, std::mt19937& random) {
        auto crash = std::make_unique<CrashFile>(loop, scenario.file->afterPowerCut(random));
        auto image =
            loop.runUntilDone(Image::open(loop, std::move(crash), Image::Access::ReadWrite));
        if (!image)
            return QString::fromStdString(image.error().detail);
        const std::string& name = (*image)->header().backingName;
        if (!name.empty() && name != "base" && name != std::string(700, 'a') &&
            name != std::string(700, 'b'))
            return QStringLiteral("the backing name is torn");
        if ((*image)->diskBytes() != kDiskBytes && (*image)->diskBytes() != 2 * kDiskBytes)
            return QStringLiteral("the size is wrong");
        auto report = loop.runUntilDone(checkImage(**image, Repair::None, nullptr));
        if (!report)
            return QString::fromStdString(report.error().detail);
        if (report->corruptions > 0) {
            QString all;
            for (const std::string& finding : report->findings)
                all += QString::fromStdString(finding) + u';';
            return all;
        }
        for (uint64_t sector = 0; sector < kSectors; ++sector) {
            uint64_t words[64] = {};
            const int error = loop.runUntilDone(readSector(**image, sector, words));
            if (error != 0)
                return QStringLiteral("reading sector %1: %2").arg(sector).arg(error);
            for (uint64_t word : words)
                if (word != words[0])
                    return QStringLiteral("sector %1 is torn").arg(sector);
            if (!scenario.expected.allowed[sector].contains(words[0]))
                return QStringLiteral("sector %1 is %2").arg(sector).arg(words[0], 0, 16);
        }
        return {};
    }
    static Task<int> readSector(Image& image, uint64_t sector, uint64_t* words) {
        ClusterMap::Lookup row = co_await image.find(sector * 512, 512);
        if (row.error != 0)
            co_return row.error;
        switch (row.extent.entry.kind) {
        case ClusterEntry::Kind::Unallocated: {
            const bool backed = !image.header().backingName.empty();
            std::fill_n(words, 64, backed ? kBelowTag : 0);
            break;
        }
        case ClusterEntry::Kind::Zero:
            break;
        case ClusterEntry::Kind::Data: {
            int error = co_await image.file().read(row.extent.entry.hostOffset, words, 512);
            co_return error;
        }
        case ClusterEntry::Kind::Compressed:
            co_return EINVAL;
        }
        co_return 0;
    }
};

VIVARIUM_TEST(Qcow2PowerCutTest)
#include "power_cut_test.moc"
