#include "tests/support/test_main.h"
#include "ui/widgets/guest_display.h"
#include "vmm/base/shared_mapping.h"

#include <QTest>

#include <sys/mman.h>
#include <unistd.h>

namespace vivarium {

// What a broken or hostile worker may send instead of a scanout.
class GuestDisplayTest : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void showsTheGuestsOwnPixels();
    void refusesBadGeometry_data();
    void refusesBadGeometry();
    void refusesMemoryThatCanShrink();
    void refusesSmallMemory();

private:
    static ScanoutInfo info() { return {16, 8, 64, 4096, 8192, 1}; }
};

void GuestDisplayTest::showsTheGuestsOwnPixels() {
    Result<SharedMapping> memory = SharedMapping::create("scanout", 8192);
    QVERIFY(memory);
    const QImage picture = mapScanout(info(), memory->fd());
    QCOMPARE(picture.size(), QSize(16, 8));
    auto* pixels = reinterpret_cast<uint32_t*>(memory->data() + 4096);
    pixels[16 * 3 + 5] = 0x00123456; // after mapping: no copy was made
    QCOMPARE(picture.pixel(5, 3) & 0xffffff, 0x123456u);
}

void GuestDisplayTest::refusesBadGeometry_data() {
    QTest::addColumn<uint32_t>("width");
    QTest::addColumn<uint32_t>("stride");
    QTest::addColumn<quint64>("offset");
    QTest::newRow("no width") << 0u << 64u << quint64{0};
    QTest::newRow("huge width") << 100000u << 400000u << quint64{0};
    QTest::newRow("short stride") << 16u << 60u << quint64{0};
    QTest::newRow("beyond the end") << 16u << 64u << quint64{8000};
    QTest::newRow("offset overflow") << 16u << 64u << ~quint64{3};
}

void GuestDisplayTest::refusesBadGeometry() {
    QFETCH(uint32_t, width);
    QFETCH(uint32_t, stride);
    QFETCH(quint64, offset);
    Result<SharedMapping> memory = SharedMapping::create("scanout", 8192);
    QVERIFY(memory);
    ScanoutInfo bad = info();
    bad.width = width;
    bad.strideBytes = stride;
    bad.offsetBytes = offset;
    QVERIFY(mapScanout(bad, memory->fd()).isNull());
}

void GuestDisplayTest::refusesMemoryThatCanShrink() {
    const UniqueFd open(memfd_create("scanout", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    QVERIFY(open);
    QCOMPARE(ftruncate(open.get(), 8192), 0);
    QVERIFY(mapScanout(info(), open.get()).isNull());
}

void GuestDisplayTest::refusesSmallMemory() {
    Result<SharedMapping> memory = SharedMapping::create("scanout", 4096);
    QVERIFY(memory);
    QVERIFY(mapScanout(info(), memory->fd()).isNull());
}

} // namespace vivarium

using vivarium::GuestDisplayTest;
VIVARIUM_TEST(GuestDisplayTest)
#include "guest_display_test.moc"
