#include "tests/support/test_main.h"
#include "vmm/disk/chain/merge_job.h"
#include "vmm/disk/qcow2/check.h"
#include "vmm/disk/qcow2/create.h"
#include "vmm/disk/test_support/crash_file.h"

#include <QTest>

using namespace vivarium;
using vivarium::test::CrashFile;

namespace {

constexpr uint64_t kDiskBytes = 256 * 1024;
using Files = std::vector<std::vector<uint8_t>>;

} // namespace

// A power cut at every write of a merge: the files still show the same disk.
class MergePowerCutTest : public QObject {
    Q_OBJECT

private:
    std::unique_ptr<IoLoop> m_loop;
    Files m_files; // base, middle, top
    std::vector<uint8_t> m_model;

    // The chain of those files; `crash`: where they are then.
    std::unique_ptr<LayerStack> open(Files files, std::vector<CrashFile*>* crash = nullptr) {
        std::vector<std::unique_ptr<Layer>> layers;
        CrashFile* first = nullptr;
        for (std::vector<uint8_t>& bytes : files) {
            auto file = std::make_unique<CrashFile>(*m_loop, std::move(bytes));
            if (!first)
                first = file.get();
            file->dieWith(*first);
            if (crash)
                crash->push_back(file.get());
            auto layer = m_loop->runUntilDone(
                openLayer(*m_loop, std::move(file), ImageFormat::Qcow2, Layer::Access::ReadWrite));
            if (!layer) {
                qWarning("%s", layer.error().detail.c_str());
                return nullptr;
            }
            layers.push_back(std::move(*layer));
        }
        return std::make_unique<LayerStack>(*m_loop, std::move(layers));
    }
    std::vector<uint8_t> contents(LayerStack& stack) {
        std::vector<uint8_t> bytes(kDiskBytes);
        const int error =
            m_loop->runUntilDone(stack.read(0, IoBuffers(bytes.data(), bytes.size())));
        return error == 0 ? bytes : std::vector<uint8_t>{};
    }
    // Which of the three files are in the chain, by what the headers say.
    Files chainOf(const Files& files) {
        // The names are those of the files' places: "0", "1".
        Files chain{files[2]};
        size_t at = 2;
        for (;;) {
            auto header = qcow2::parseHeader(files[at], files[at].size(), qcow2::HeaderUse::Normal);
            if (!header || header->backingName.empty())
                return chain;
            at = static_cast<size_t>(header->backingName[0] - '0');
            chain.insert(chain.begin(), files[at]);
        }
    }

private Q_SLOTS:
    void initTestCase() {
        auto loop = IoLoop::create(IoEngine::Kind::ThreadPool);
        QVERIFY(loop);
        m_loop = std::move(*loop);
        m_model.assign(kDiskBytes, 0);
        std::mt19937 random(5);
        for (int i = 0; i < 3; ++i) {
            CrashFile fresh(*m_loop);
            qcow2::CreateOptions options;
            options.diskBytes = kDiskBytes;
            options.clusterBytes = i == 1 ? 512 : 4096;
            if (i > 0) {
                options.backingName = std::to_string(i - 1);
                options.backingFormat = "qcow2";
            }
            QVERIFY(m_loop->runUntilDone(qcow2::createImage(*m_loop, fresh, options)));
            m_files.push_back(fresh.bytes());
            std::vector<CrashFile*> crash;
            auto stack = open(m_files, &crash);
            QVERIFY(stack);
            for (int write = 0; write < 12; ++write) {
                const uint64_t offset = random() % (kDiskBytes / 512 - 16) * 512;
                std::vector<uint8_t> data((1 + random() % 16) * 512,
                                          static_cast<uint8_t>(random()));
                if (write % 5 == 4) {
                    std::fill(data.begin(), data.end(), uint8_t{0});
                    QCOMPARE(m_loop->runUntilDone(
                                 stack->clear(offset, data.size(), qcow2::Image::Clear::Zero)),
                             0);
                } else {
                    QCOMPARE(m_loop->runUntilDone(
                                 stack->write(offset, IoBuffers(data.data(), data.size()))),
                             0);
                }
                std::copy(data.begin(), data.end(),
                          m_model.begin() + static_cast<std::ptrdiff_t>(offset));
            }
            QCOMPARE(m_loop->runUntilDone(stack->close()), 0);
            for (size_t k = 0; k < crash.size(); ++k)
                m_files[k] = crash[k]->bytes();
        }
    }

    void everyWriteIndex_data() {
        QTest::addColumn<MergeRequest::Kind>("kind");
        QTest::addColumn<int>("upper");
        QTest::newRow("commit the middle") << MergeRequest::Kind::Commit << 1;
        QTest::newRow("commit the top") << MergeRequest::Kind::Commit << 2;
        QTest::newRow("stream into the middle") << MergeRequest::Kind::Stream << 1;
        QTest::newRow("stream into the top") << MergeRequest::Kind::Stream << 2;
    }
    void everyWriteIndex() {
        QFETCH(MergeRequest::Kind, kind);
        QFETCH(int, upper);
        std::mt19937 random(3);
        uint64_t total = 1;
        for (uint64_t cut = ~uint64_t{0};; cut = cut == ~uint64_t{0} ? 0 : cut + 1 + total / 80) {
            if (cut != ~uint64_t{0} && cut > total)
                break;
            std::vector<CrashFile*> crash;
            auto stack = open(m_files, &crash);
            QVERIFY(stack);
            crash[0]->dieAfter(cut);
            MergeRequest request;
            request.kind = kind;
            request.upper = static_cast<size_t>(upper);
            const bool commits = kind == MergeRequest::Kind::Commit;
            if (commits || upper == 2) {
                request.backingName = commits ? "0" : std::to_string(upper - 2);
                request.backingFormat = "qcow2";
            }
            // A layer that goes takes its file with it: what it holds does not change in a merge.
            MergeJob job(*stack, std::move(request));
            auto merged = m_loop->runUntilDone(job.run());
            const auto gone = static_cast<size_t>(commits ? upper : upper - 1);
            Files after;
            for (size_t i = 0; i < 3; ++i)
                after.push_back(merged && i == gone ? m_files[i] : crash[i]->afterPowerCut(random));
            if (cut == ~uint64_t{0}) {
                QVERIFY(merged);
                for (size_t i = 0; i < 3; ++i)
                    if (i != gone)
                        total += crash[i]->changes();
            }
            Files chain = chainOf(after);
            if (merged && commits && upper == 2)
                chain = Files{after[0], after[1]};
            auto again = open(chain);
            QVERIFY2(again, qPrintable(QString::number(cut)));
            QVERIFY2(contents(*again) == m_model, qPrintable(QString::number(cut)));
            for (size_t i = 0; i < again->depth(); ++i) {
                auto report = m_loop->runUntilDone(
                    qcow2::checkImage(*again->layer(i).qcow2Image(), qcow2::Repair::None, nullptr));
                QVERIFY(report);
                QCOMPARE(report->corruptions, uint64_t{0});
            }
        }
    }
};

VIVARIUM_TEST(MergePowerCutTest)
#include "merge_power_cut_test.moc"
