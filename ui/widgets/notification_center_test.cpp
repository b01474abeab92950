#include "tests/support/test_main.h"
#include "ui/widgets/notification_center.h"

#include <QLabel>
#include <QPushButton>
#include <QTest>

namespace vivarium {

class NotificationCenterTest : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void takesNoRoomWhenEmpty();
    void equalFailuresAreShownOnce();
    void shortDetailsAreShown();
    void oldFailuresGo();
    void progressCanBeCancelled();
    void quickActionsDoNotFlicker();

private:
    static UserMessage message(const QString& title) { return {title, {}, {}, {}}; }
};

void NotificationCenterTest::takesNoRoomWhenEmpty() {
    NotificationCenter center;
    QVERIFY(center.isHidden());
    Notification* failure = center.showFailure(message(QStringLiteral("a")));
    QVERIFY(!center.isHidden());
    failure->dismiss();
    QVERIFY(center.isHidden());
}

void NotificationCenterTest::equalFailuresAreShownOnce() {
    NotificationCenter center;
    center.showFailure(message(QStringLiteral("a")));
    center.showFailure(message(QStringLiteral("b")));
    center.showFailure(message(QStringLiteral("a")));
    const QList<Notification*> shown = center.notifications();
    QCOMPARE(shown.size(), 2);
    QCOMPARE(shown.first()->message().title, QStringLiteral("a"));
}

void NotificationCenterTest::shortDetailsAreShown() {
    NotificationCenter center;
    const auto visibleText = [&center](const QString& detail) {
        const Notification* shown = center.showFailure({QStringLiteral("a"), {}, {}, detail});
        QStringList texts;
        const QList<QLabel*> labels = shown->findChildren<QLabel*>();
        for (const QLabel* label : labels)
            if (!label->isHidden())
                texts << label->text();
        return texts.join(u'\n');
    };
    QVERIFY(visibleText(QStringLiteral("no such file: /disk.img")).contains(u"/disk.img"));
    QVERIFY(!visibleText(QString(5000, u'x')).contains(u'x'));
}

void NotificationCenterTest::oldFailuresGo() {
    NotificationCenter center;
    for (int i = 0; i < 20; ++i)
        center.showFailure(message(QString::number(i)));
    QCOMPARE(center.notifications().size(), NotificationCenter::kMaxNotifications);
    QCOMPARE(center.notifications().first()->message().title, QStringLiteral("19"));
}

void NotificationCenterTest::progressCanBeCancelled() {
    NotificationCenter center;
    bool cancelled = false;
    const QPointer<Notification> progress =
        center.showProgress(QStringLiteral("Starting"), [&cancelled] { cancelled = true; });
    QTRY_COMPARE(center.notifications().size(), 1);
    auto* button = progress->findChild<QPushButton*>();
    QVERIFY(button);
    button->click();
    QVERIFY(cancelled);
    QVERIFY(center.notifications().isEmpty());
}

void NotificationCenterTest::quickActionsDoNotFlicker() {
    NotificationCenter center;
    const QPointer<Notification> progress = center.showProgress(QStringLiteral("Pausing"), {});
    QVERIFY(center.isHidden());
    progress->dismiss();
    QTRY_VERIFY(progress.isNull());
    QVERIFY(center.isHidden());
}

} // namespace vivarium

using vivarium::NotificationCenterTest;
VIVARIUM_TEST(NotificationCenterTest)
#include "notification_center_test.moc"
