#include "vmm/devices/storage/nvme_controller.h"

#include "tests/support/test_main.h"
#include "vmm/devices/storage/test_support/nvme_driver.h"

#include <QTest>

#include <cerrno>

using namespace vivarium;
using namespace vivarium::nvme;
using test::NvmeDriver;
using Telling = NvmeDriver::Telling;

namespace {
constexpr GuestAddress kData = NvmeDriver::kData;
constexpr auto make = [](uint8_t opcode, uint32_t word10 = 0, uint32_t word11 = 0) {
    return NvmeDriver::make(opcode, 0, kData, 0, word10, word11);
};
} // namespace

class NvmeControllerTest : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void configurationIsRefusedWithAReason() {
        NvmeDriver d;
        auto refused = [&](NvmeDisk disk) {
            auto made = NvmeController::create(
                {17, 0},
                {{d.bench.ports, d.bench.memoryMap, d.bench.interrupts, d.router},
                 d.bench.memory,
                 d.bench.tasks,
                 d.listener},
                std::move(disk));
            return !made && made.error().code == ErrorCode::InvalidArgument;
        };
        auto image = [] { return std::make_unique<MemoryBlockDevice>(512); };
        QVERIFY(refused({"", image(), "", {}}));
        QVERIFY(refused({"a", nullptr, "", {}}));
        QVERIFY(refused({"a", std::make_unique<MemoryBlockDevice>(511), "", {}}));
        QVERIFY(refused({"a", image(), "123456789012345678901", {}}));
    }

    void registersOfAFreshController() {
        NvmeDriver d;
        d.bench.locked([&] { QCOMPARE(d.controller->readConfig(8, 4) >> 8, 0x010802u); });
        QCOMPARE(d.read(kCapabilities, 8) & 0xFFFF, uint64_t{kMaxQueueEntries - 1});
        QCOMPARE(d.read(kCapabilities + 4), uint64_t{1} << 5);
        QCOMPARE(d.read(kVersion), uint64_t{kVersion14});
        QCOMPARE(d.read(kStatus), uint64_t{0});
        QCOMPARE(d.read(kVersion + 2, 1), uint64_t{1}); // a part of it
        QCOMPARE(d.read(0x38, 8), uint64_t{0});         // no memory buffer
        d.ring(0, 1);                                   // disabled: nothing
        QCOMPARE(d.read(kStatus), uint64_t{0});
    }

    void enablesAndDisables() {
        NvmeDriver d;
        d.enable();
        QVERIFY(d.ready());
        d.write(kAdminSubmissionBase, 0x5000, 8); // frozen
        QCOMPARE(d.read(kAdminSubmissionBase, 8), uint64_t{NvmeDriver::submissionBase(0)});
        d.write(kConfiguration, 0);
        QVERIFY(!d.ready());
        d.write(kAdminSubmissionBase, 0x5123, 8);
        QCOMPARE(d.read(kAdminSubmissionBase, 8), uint64_t{0x5000});
    }

    void impossibleConfigurationsAreFatal_data() {
        QTest::addColumn<uint>("configuration");
        QTest::addColumn<uint>("attributes");
        QTest::addColumn<quint64>("base");
        const quint64 base = 0x10000;
        QTest::newRow("page size") << (NvmeDriver::kEnable | 1 << 7) << 0x000F000Fu << base;
        QTest::newRow("command set") << (NvmeDriver::kEnable | 1 << 4) << 0x000F000Fu << base;
        QTest::newRow("arbitration") << (NvmeDriver::kEnable | 1 << 11) << 0x000F000Fu << base;
        QTest::newRow("one entry") << uint{NvmeDriver::kEnable} << 0x000F0000u << base;
        QTest::newRow("outside memory")
            << uint{NvmeDriver::kEnable} << 0x000F000Fu << quint64{test::DeviceBench::kRamBytes};
        QTest::newRow("over the end of memory") << uint{NvmeDriver::kEnable} << 0x0FFF0FFFu
                                                << quint64{test::DeviceBench::kRamBytes - 0x1000};
    }
    void impossibleConfigurationsAreFatal() {
        QFETCH(uint, configuration);
        QFETCH(uint, attributes);
        QFETCH(quint64, base);
        NvmeDriver d;
        d.write(kAdminQueueAttributes, attributes);
        d.write(kAdminSubmissionBase, base, 8);
        d.write(kAdminCompletionBase, base, 8);
        d.write(kConfiguration, configuration);
        QCOMPARE(d.read(kStatus), uint64_t{kStatusFatal});
        d.enable();
        QVERIFY(d.ready());
    }

    void identifies() {
        NvmeDriver d;
        d.start();
        QCOMPARE(d.identify(1, 0), kSuccess);
        auto page = d.get(kData, 4096);
        QCOMPARE(std::string(page.begin() + 4, page.begin() + 24),
                 std::string("SERIAL-3            "));
        QCOMPARE(loadLe<uint32_t>(&page[516]), 1u);
        QCOMPARE(d.identify(0, 1), kSuccess);
        QCOMPARE(d.getLe<uint64_t>(kData), NvmeDriver::kDiskBytes / 512);
        QCOMPARE(d.getLe<uint8_t>(kData + 130), uint8_t{9});
        QCOMPARE(d.identify(0, 2), kInvalidNamespace);
        QCOMPARE(d.identify(2, 0), kSuccess);
        QCOMPARE(d.getLe<uint32_t>(kData), 1u);
        QCOMPARE(d.identify(2, 1), kSuccess);
        QCOMPARE(d.getLe<uint32_t>(kData), 0u);
        QCOMPARE(d.identify(2, 0xFFFFFFFF), kInvalidNamespace);
        QCOMPARE(d.identify(3, 1), kSuccess);
        QCOMPARE(d.getLe<uint16_t>(kData), uint16_t{0x1003});
        QCOMPARE(d.identify(3, 0), kInvalidNamespace);
        QCOMPARE(d.identify(0x55, 1), kInvalidField);
        QCOMPARE(d.admin(make(0x77)), kInvalidOpcode);
    }

    void queuesAreCreatedWithinBounds_data() {
        QTest::addColumn<uint>("opcode");
        QTest::addColumn<uint>("word10");
        QTest::addColumn<uint>("word11");
        QTest::addColumn<quint64>("base");
        QTest::addColumn<uint>("expected");
        auto row = [](const char* name, uint opcode, uint word10, uint word11, quint64 base,
                      uint expected) {
            QTest::newRow(name) << opcode << word10 << word11 << base << expected;
        };
        const quint64 base = 0x180000, end = test::DeviceBench::kRamBytes;
        const uint cq = kCreateCompletionQueue, sq = kCreateSubmissionQueue;
        row("completion queue 0", cq, 0xF0000, 1, base, kInvalidQueueId);
        row("completion queue 17", cq, 0xF0011, 1, base, kInvalidQueueId);
        row("completion queue twice", cq, 0xF0001, 1, base, kInvalidQueueId);
        row("one entry", cq, 2, 1, base, kInvalidQueueSize);
        row("too many entries", cq, 0x4000002, 1, base, kInvalidQueueSize);
        row("no such vector", cq, 0xF0002, 17 << 16 | 3, base, kInvalidVector);
        row("scattered", cq, 0xF0002, 2, base, kInvalidField);
        row("misaligned", cq, 0xF0002, 1, base + 16, kInvalidField);
        row("outside memory", cq, 0xF0002, 1, end, kInvalidField);
        row("over the end", cq, 0x3FF0002, 1, end - 0x1000, kInvalidField);
        row("submission queue 0", sq, 0xF0000, 1 << 16 | 1, base, kInvalidQueueId);
        row("submission queue 17", sq, 0xF0011, 1 << 16 | 1, base, kInvalidQueueId);
        row("submission queue twice", sq, 0xF0001, 1 << 16 | 1, base, kInvalidQueueId);
        row("without completion queue", sq, 0xF0002, 2 << 16 | 1, base, kCompletionQueueInvalid);
        row("on the administration's", sq, 0xF0002, 1, base, kCompletionQueueInvalid);
        row("on one beyond", sq, 0xF0002, 0xFFFF0001, base, kCompletionQueueInvalid);
        row("submission entries", sq, 2, 1 << 16 | 1, base, kInvalidQueueSize);
        row("submission over the end", sq, 0x3FF0002, 1 << 16 | 1, end - 0x1000, kInvalidField);
        row("deletes queue 0", kDeleteSubmissionQueue, 0, 0, 0, kInvalidQueueId);
        row("deletes nothing", kDeleteSubmissionQueue, 9, 0, 0, kInvalidQueueId);
        row("deletes completion queue 0", kDeleteCompletionQueue, 0, 0, 0, kInvalidQueueId);
        row("deletes one in use", kDeleteCompletionQueue, 1, 0, 0, kInvalidQueueDeletion);
    }
    void queuesAreCreatedWithinBounds() {
        QFETCH(uint, opcode);
        QFETCH(uint, word10);
        QFETCH(uint, word11);
        QFETCH(quint64, base);
        QFETCH(uint, expected);
        NvmeDriver d;
        d.start();
        QCOMPARE(uint{d.admin(
                     NvmeDriver::make(static_cast<uint8_t>(opcode), 0, base, 0, word10, word11))},
                 expected);
        QCOMPARE(d.readSectors(0, 1), kSuccess);
    }

    void queuesAreDeletedAfterTheirLastCommand() {
        NvmeDriver d;
        d.start();
        d.issue(1, NvmeDriver::makeTransfer(kRead, 0, 1, kData));
        uint16_t deletion = d.issue(0, make(kDeleteSubmissionQueue, 1));
        d.issue(1, NvmeDriver::makeTransfer(kRead, 0, 1, kData)); // too late
        d.bench.tasks.runPosted();
        QVERIFY(d.takeCompletions(0).empty());
        QCOMPARE(d.disk->waiting(), size_t{1});
        d.finish();
        QCOMPARE(d.takeCompletions(1).size(), size_t{1});
        auto completions = d.takeCompletions(0);
        QCOMPARE(completions.size(), size_t{1});
        QCOMPARE(completions[0].commandId, deletion);
        QCOMPARE(d.admin(make(kDeleteCompletionQueue, 1)), kSuccess);
        QCOMPARE(d.createPair(1), kSuccess);
        QCOMPARE(d.readSectors(3, 1), kSuccess);
    }

    void featuresAreSetAndRead() {
        NvmeDriver d;
        d.enable();
        auto get = [&](uint32_t feature, uint32_t select = 0) {
            auto status = d.admin(make(kGetFeatures, select << 8 | feature));
            return status == kSuccess ? d.lastResult : 0xDEAD0000 | status;
        };
        QCOMPARE(d.admin(make(kSetFeatures, kFeatureQueueCount, 3 << 16 | 3)), kSuccess);
        QCOMPARE(d.lastResult, 15u << 16 | 15u);
        QCOMPARE(d.admin(make(kSetFeatures, kFeatureQueueCount, 0xFFFF)), kInvalidField);
        QCOMPARE(get(kFeatureWriteCache), 1u);
        QCOMPARE(d.admin(make(kSetFeatures, kFeatureWriteCache, 0)), kSuccess);
        QCOMPARE(get(kFeatureWriteCache), 0u);
        QCOMPARE(get(kFeatureWriteCache, 1), 1u);
        QCOMPARE(get(kFeatureWriteCache, 3), 4u);
        QCOMPARE(d.admin(make(kSetFeatures, 1u << 31 | kFeatureWriteCache, 1)), kNotSaveable);
        QCOMPARE(d.admin(make(kSetFeatures, 0x77, 1)), kInvalidField);
        QCOMPARE(d.admin(make(kSetFeatures, kFeaturePower, 1)), kInvalidField);
        QCOMPARE(d.admin(make(kSetFeatures, kFeatureVector, 99)), kInvalidField);
        QCOMPARE(get(kFeatureVector), 1u << 16);
        QCOMPARE(get(0x77), 0xDEAD0000 | kInvalidField);
        d.start();
        QCOMPARE(d.admin(make(kSetFeatures, kFeatureQueueCount, 0)), kSequenceError);
    }

    void logPages() {
        NvmeDriver d;
        d.start();
        QCOMPARE(d.readSectors(0, 2), kSuccess);
        auto log = [&](uint32_t page, uint32_t bytes) {
            return d.admin(make(kGetLogPage, (bytes / 4 - 1) << 16 | page));
        };
        QCOMPARE(log(2, 512), kSuccess);
        QCOMPARE(d.getLe<uint64_t>(kData + 64), uint64_t{1}); // read commands
        QCOMPARE(log(1, 64), kSuccess);
        QCOMPARE(log(3, 512), kSuccess);
        QCOMPARE(log(4, 4096), kSuccess);
        QCOMPARE(log(0x55, 64), kInvalidLogPage);
        QCOMPARE(d.admin(NvmeDriver::make(kGetLogPage, 0, kData, 0, 0xFFFF0002, 0xFFFF)),
                 kInvalidField); // 16 GiB
    }

    void eventRequestsWaitForEvents() {
        NvmeDriver d;
        d.enable();
        for (int i = 0; i < 4; ++i)
            d.issue(0, make(kAsyncEventRequest));
        QVERIFY(d.takeCompletions(0).empty());
        QCOMPARE(d.admin(make(kAsyncEventRequest)), kTooManyEventRequests);
        d.ring(9, 1); // no such queue
        auto completions = d.takeCompletions(0);
        QCOMPARE(completions.size(), size_t{1});
        QCOMPARE(completions[0].result, 1u << 16);
        d.ring(9, 1); // told once, until the log page is read
        QVERIFY(d.takeCompletions(0).empty());
        d.ring(0, 16); // beyond the queue
        QCOMPARE(d.takeCompletions(0).at(0).result, 1u << 16 | 1u << 8);
        d.issue(0, make(kGetLogPage, 15 << 16 | 1));
        QCOMPARE(d.takeCompletions(0).size(), size_t{2}); // the log, and the first event again
        // The namespace notice is for who asked.
        d.bench.locked([&] { d.controller->imageResized(); });
        QVERIFY(d.takeCompletions(0).empty());
        QCOMPARE(d.admin(make(kSetFeatures, kFeatureAsyncEvents, kNvmeNamespaceNotice)), kSuccess);
        d.bench.locked([&] { d.controller->imageResized(); });
        QCOMPARE(d.takeCompletions(0).at(0).result, 4u << 16 | 2u);
        QCOMPARE(d.admin(make(kGetLogPage, 1023 << 16 | 4)), kSuccess);
        QCOMPARE(d.getLe<uint32_t>(kData), 1u);
    }

    void abortEndsEventRequestsOnly() {
        NvmeDriver d;
        d.start();
        uint16_t request = d.issue(0, make(kAsyncEventRequest));
        uint16_t abort = d.issue(0, make(kAbort, uint32_t{request} << 16));
        auto completions = d.takeCompletions(0);
        QCOMPARE(completions.size(), size_t{2});
        QCOMPARE(completions[0].commandId, request);
        QCOMPARE(completions[0].status, kAbortRequested);
        QCOMPARE(completions[1].commandId, abort);
        QCOMPARE(completions[1].result, 0u);
        uint16_t read = d.issue(1, NvmeDriver::makeTransfer(kRead, 0, 1, kData));
        d.issue(0, make(kAbort, uint32_t{read} << 16 | 1));
        QCOMPARE(d.takeCompletions(0).at(0).result, 1u);
        d.finish();
        QCOMPARE(d.takeCompletions(1).at(0).status, kSuccess);
    }

    void thePinFollowsTheQueuesAndTheMask() {
        NvmeDriver d;
        d.start();
        QVERIFY(!d.line());
        d.issue(1, NvmeDriver::makeTransfer(kRead, 0, 1, kData));
        d.finish();
        QVERIFY(d.line());
        d.write(kInterruptMaskSet, 2); // vector 1
        QVERIFY(!d.line());
        QCOMPARE(d.read(kInterruptMaskClear), uint64_t{2});
        d.write(kInterruptMaskClear, 2);
        QVERIFY(d.line());
        QCOMPARE(d.takeCompletions(1).size(), size_t{1});
        QVERIFY(!d.line());
    }

    void messagesNameTheQueue() {
        NvmeDriver d;
        d.useMessages();
        d.start(2);
        d.bench.interrupts.takeMessages();
        d.issue(2, NvmeDriver::makeTransfer(kRead, 0, 1, kData));
        d.finish();
        auto messages = d.bench.interrupts.takeMessages();
        QCOMPARE(messages.size(), size_t{1});
        QCOMPARE(messages[0].data, 0x42u);
        QVERIFY(!d.line());
    }

    // No command is begun whose completion would not fit.
    void aFullCompletionQueueHoldsCommandsBack() {
        NvmeDriver d;
        d.start();
        unsigned total = 0;
        for (unsigned round = 0; round < 3; ++round) {
            for (unsigned i = 0; i < 10; ++i)
                d.add(1, NvmeDriver::makeTransfer(kRead, i, 1, kData + i * 512));
            d.ring(1, d.tail(1));
            d.finish();
            if (round == 0) {
                QCOMPARE(d.disk->history().size(), size_t{10});
                continue;
            }
            // 15 fit; the rest waits for the driver.
            QCOMPARE(d.disk->history().size(), size_t(round == 1 ? 15 : 30));
            total += static_cast<unsigned>(d.takeCompletions(1).size());
            d.finish();
        }
        total += static_cast<unsigned>(d.takeCompletions(1).size());
        d.finish();
        total += static_cast<unsigned>(d.takeCompletions(1).size());
        QCOMPARE(total, 30u);
    }

    void doorbellValuesAreChecked() {
        NvmeDriver d;
        d.start();
        d.ring(1, 16);
        d.ring(1, 0xFFFFFFFF);
        d.ringCompletion(1, 16);
        d.ringCompletion(1, 5); // past the tail
        d.write(kDoorbells + 8, 1, 2);
        d.write(kDoorbells + 8, 1, 8);
        QCOMPARE(d.readSectors(0, 1), kSuccess);
    }

    void resetsForgetWhatIsInFlightWithoutWaiting() {
        NvmeDriver d;
        d.start();
        d.issue(1, NvmeDriver::makeTransfer(kRead, 0, 1, kData));
        d.write(kConfiguration, 0);
        QCOMPARE(d.disk->waiting(), size_t{1});
        QVERIFY(d.ready()); // not over yet
        d.finish();
        QVERIFY(!d.ready());
        QVERIFY(d.takeCompletions(1, Telling::Untold).empty());
        d.start();
        d.issue(1, NvmeDriver::makeTransfer(kRead, 0, 1, kData));
        d.write(kConfiguration, 0);
        d.start(); // who does not wait makes the host finish
        QCOMPARE(d.readSectors(0, 1), kSuccess);
        d.issue(1, NvmeDriver::makeTransfer(kRead, 0, 1, kData));
        d.bench.locked([&] { d.controller->reset(); });
        QCOMPARE(d.disk->waiting(), size_t{0});
        d.placeWindows();
        d.start();
        QCOMPARE(d.readSectors(0, 1), kSuccess);
    }

    void shutdownFlushes() {
        NvmeDriver d;
        d.start();
        d.write(kConfiguration, NvmeDriver::kEnable | 1 << kConfigShutdownShift);
        QCOMPARE(d.read(kStatus) & kStatusShutdownMask, uint64_t{kStatusShutdownOccurring});
        d.finish();
        QCOMPARE(d.read(kStatus) & kStatusShutdownMask, uint64_t{kStatusShutdownComplete});
        QCOMPARE(d.disk->history().back(), BlockRequest::Kind::Flush);
        d.write(kConfiguration, 0);
        QCOMPARE(d.read(kStatus), uint64_t{0});
    }

    void commandsWaitForBusMastering() {
        NvmeDriver d;
        d.start();
        d.bench.locked([&] { d.controller->writeConfig(4, 2, 3); });
        d.issue(1, NvmeDriver::makeTransfer(kRead, 0, 1, kData));
        QCOMPARE(d.disk->waiting(), size_t{0});
        d.bench.locked([&] { d.controller->writeConfig(4, 2, 7); });
        d.finish();
        QCOMPARE(d.takeCompletions(1).size(), size_t{1});
    }

    void commandsInFlightAreSavedAndRunAgain() {
        NvmeDriver d;
        d.start(2);
        d.put(kData, std::vector<uint8_t>(512, 0x99));
        d.issue(0, make(kAsyncEventRequest));
        d.issue(1, NvmeDriver::makeTransfer(kWrite, 4, 1, kData));
        d.issue(2, NvmeDriver::makeTransfer(kWrite, 5, 1, kData));
        uint16_t deletion = d.issue(0, make(kDeleteSubmissionQueue, 2));
        d.disk->fail(0, ENOSPC);
        d.disk->fail(0, ENOSPC);
        d.bench.tasks.runPosted();
        auto state = test::contract_detail::saveDevice(d.bench, *d.controller);
        // The driver may reuse entries that the controller has read.
        d.put(NvmeDriver::submissionBase(1), std::vector<uint8_t>(4096, 0xFF));
        d.bench.locked([&] { d.controller->reset(); });
        QVERIFY(test::contract_detail::restoreDevice(d.bench, *d.controller, state));
        QCOMPARE(test::contract_detail::saveDevice(d.bench, *d.controller), state);
        QCOMPARE(d.disk->waiting(), size_t{0});
        d.resume();
        QCOMPARE(d.disk->waiting(), size_t{2});
        d.finish();
        QCOMPARE(d.takeCompletions(1).size(), size_t{1});
        QCOMPARE(d.takeCompletions(2, Telling::Untold).size(), size_t{1});
        auto completions = d.takeCompletions(0);
        QCOMPARE(completions.size(), size_t{1});
        QCOMPARE(completions[0].commandId, deletion);
        QCOMPARE(d.onDisk(4, 2), std::vector<uint8_t>(1024, 0x99));
        d.ring(2, 1); // deleted
        QCOMPARE(d.takeCompletions(0).at(0).result, 1u << 16);
    }

    void holdsTheDeviceContract() {
        test::RecordingInterruptRouter router;
        test::RecordingStorageListener listener;
        test::DeviceContract contract;
        contract.make = [&](test::DeviceBench& bench) -> std::unique_ptr<Device> {
            return NvmeDriver::make(bench, router, listener, {});
        };
        contract.settle = [&](test::DeviceBench& bench, Device& device) {
            do
                bench.locked([&] { static_cast<NvmeController&>(device).drainIo(); });
            while (bench.tasks.runPosted() > 0);
        };
        // Sometimes a driver starts and leaves commands behind.
        contract.poke = [&](test::DeviceBench& bench, Device& device, std::mt19937_64& random) {
            auto& controller = static_cast<NvmeController&>(device);
            if (random() % 3 == 0) {
                bench.locked([&] { controller.retryStalledRequests(); });
                return;
            }
            const GuestAddress base = test::placeBars(bench, controller).barAddress[kRegisterBar];
            auto write = [&](uint32_t offset, uint64_t value) {
                bench.writeMemory(base + offset, 4, value);
            };
            write(kConfiguration, 0);
            write(kAdminQueueAttributes, 0x000F000F);
            write(kAdminSubmissionBase, 0x100000);
            write(kAdminSubmissionBase + 4, 0);
            write(kAdminCompletionBase, 0x101000);
            write(kAdminCompletionBase + 4, 0);
            write(kConfiguration, NvmeDriver::kEnable);
            for (uint32_t tail = 1; tail < 12; ++tail) {
                const bool io = random() % 2;
                NvmeCommand command = NvmeDriver::make(
                    static_cast<uint8_t>(random() % 13), static_cast<uint32_t>(random() % 3),
                    (random() % 64) << 12, (random() % 64) << 12,
                    static_cast<uint32_t>(random() % 8 << 16 | random() % 4),
                    static_cast<uint32_t>(random() % 4 << 16 | random() % 4),
                    static_cast<uint32_t>(random() % 20));
                [[maybe_unused]] bool put =
                    bench.memory.write((io ? 0x102000 : 0x100000) + 64 * (tail - 1), command.bytes);
                write(kDoorbells + (io ? 8 : 0), tail);
            }
        };
        contract.accesses = 1500;
        QCOMPARE(checkPciDeviceContract(contract), QString());
    }
};
VIVARIUM_TEST(NvmeControllerTest)

#include "nvme_controller_test.moc"
