#include "tests/support/test_main.h"
#include "ui/widgets/notification_center.h"
#include "ui/widgets/undoable_removals.h"

#include <QPushButton>
#include <QTest>

namespace vivarium {

class UndoableRemovalsTest : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void init();
    void cleanup();
    void nothingHappensAtFirst();
    void undoTakesItBack();
    void closingCarriesItOut();
    void endOfTheWindowCarriesAllOut();

private:
    void add();

    std::unique_ptr<NotificationCenter> m_center;
    std::unique_ptr<UndoableRemovals> m_removals;
    int m_done = 0;
    int m_undone = 0;
};

void UndoableRemovalsTest::init() {
    m_center = std::make_unique<NotificationCenter>();
    m_removals = std::make_unique<UndoableRemovals>(*m_center);
    m_done = m_undone = 0;
}

void UndoableRemovalsTest::cleanup() {
    m_removals.reset();
    m_center.reset();
}

void UndoableRemovalsTest::add() {
    m_removals->add(
        {QStringLiteral("removed"), {}, {}, {}}, [this] { ++m_done; }, [this] { ++m_undone; });
}

void UndoableRemovalsTest::nothingHappensAtFirst() {
    add();
    QCOMPARE(m_center->notifications().size(), 1);
    QCOMPARE(m_center->notifications().first()->kind(), Notification::Kind::Undo);
    m_removals.reset(); // the program dies
    QCOMPARE(m_done + m_undone, 0);
}

void UndoableRemovalsTest::undoTakesItBack() {
    add();
    m_center->notifications().first()->findChild<QPushButton*>()->click();
    QCOMPARE(m_undone, 1);
    QVERIFY(m_removals->isEmpty());
    QVERIFY(m_center->notifications().isEmpty());
    QCoreApplication::processEvents();
    QCOMPARE(m_done, 0);
}

void UndoableRemovalsTest::closingCarriesItOut() {
    add();
    m_center->notifications().first()->dismiss();
    QTRY_COMPARE(m_done, 1);
    QCOMPARE(m_undone, 0);
    QVERIFY(m_removals->isEmpty());
}

void UndoableRemovalsTest::endOfTheWindowCarriesAllOut() {
    add();
    add();
    m_removals->carryOutAll();
    QCOMPARE(m_done, 2);
    QVERIFY(m_center->notifications().isEmpty());
    QCoreApplication::processEvents();
    QCOMPARE(m_done, 2);
    QCOMPARE(m_undone, 0);
}

} // namespace vivarium

using vivarium::UndoableRemovalsTest;
VIVARIUM_TEST(UndoableRemovalsTest)
#include "undoable_removals_test.moc"
