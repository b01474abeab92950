#include "vmm/control/envelope.h"

#include "tests/support/test_main.h"

#include <QTest>

#include <algorithm>
#include <string>

using namespace vivarium;
using namespace vivarium::control;

namespace {

// JSON is written with ' for " in this file: moc cannot read raw strings.
std::string text(std::string json) {
    std::replace(json.begin(), json.end(), '\'', '"');
    return json;
}

QByteArray row(const char* json) {
    return QByteArray::fromStdString(text(json));
}

} // namespace

class EnvelopeTest : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void goodMessages() {
        auto request = std::get<Envelope>(parseEnvelope(
            text("{'jsonrpc':'2.0','id':7,'method':'pause','params':{'a':1},'fds':2}")));
        QCOMPARE(request.kind, Envelope::Kind::Request);
        QCOMPARE(std::get<int64_t>(request.id), int64_t(7));
        QCOMPARE(request.method, std::string("pause"));
        QCOMPARE(request.body["a"].get<int>(), 1);
        QCOMPARE(request.descriptorCount, size_t(2));
        auto notification =
            std::get<Envelope>(parseEnvelope(text("{'jsonrpc':'2.0','method':'state'}")));
        QCOMPARE(notification.kind, Envelope::Kind::Notification);
        QVERIFY(notification.body.is_object());
        auto response =
            std::get<Envelope>(parseEnvelope(text("{'jsonrpc':'2.0','id':'x','result':{}}")));
        QCOMPARE(response.kind, Envelope::Kind::Response);
        QCOMPARE(std::get<std::string>(response.id), std::string("x"));
    }

    void badMessages_data() {
        QTest::addColumn<QByteArray>("line");
        QTest::addColumn<int>("code");
        QTest::newRow("empty") << QByteArray("") << kParseError;
        QTest::newRow("garbage") << QByteArray("\x00\xff\x7f{", 4) << kParseError;
        QTest::newRow("half") << row("{'jsonrpc':'2.0'") << kParseError;
        QTest::newRow("deep") << QByteArray(40, '[') + QByteArray(40, ']') << kParseError;
        QTest::newRow("very deep") << QByteArray(1'000'000, '[') << kParseError;
        QTest::newRow("invalid utf-8")
            << QByteArray("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xff\"}") << kParseError;
        QTest::newRow("array") << QByteArray("[]") << kInvalidRequest;
        QTest::newRow("no version") << row("{'id':1,'method':'x'}") << kInvalidRequest;
        QTest::newRow("id object")
            << row("{'jsonrpc':'2.0','id':{},'method':'x'}") << kInvalidRequest;
        QTest::newRow("id fraction")
            << row("{'jsonrpc':'2.0','id':1.5,'method':'x'}") << kInvalidRequest;
        QTest::newRow("id too large")
            << row("{'jsonrpc':'2.0','id':18446744073709551615,'method':'x'}") << kInvalidRequest;
        QTest::newRow("id too long")
            << row("{'jsonrpc':'2.0','id':'") + QByteArray(200, 'i') + row("','method':'x'}")
            << kInvalidRequest;
        QTest::newRow("method number")
            << row("{'jsonrpc':'2.0','id':1,'method':5}") << kInvalidRequest;
        QTest::newRow("method too long")
            << row("{'jsonrpc':'2.0','id':1,'method':'") + QByteArray(65, 'm') + row("'}")
            << kInvalidRequest;
        QTest::newRow("params array")
            << row("{'jsonrpc':'2.0','id':1,'method':'x','params':[]}") << kInvalidRequest;
        QTest::newRow("fds negative")
            << row("{'jsonrpc':'2.0','id':1,'method':'x','fds':-1}") << kInvalidRequest;
        QTest::newRow("fds large")
            << row("{'jsonrpc':'2.0','id':1,'method':'x','fds':254}") << kInvalidRequest;
        QTest::newRow("nothing") << row("{'jsonrpc':'2.0','id':1}") << kInvalidRequest;
    }
    void badMessages() {
        QFETCH(QByteArray, line);
        QFETCH(int, code);
        auto parsed = parseEnvelope({line.constData(), static_cast<size_t>(line.size())});
        auto* error = std::get_if<EnvelopeError>(&parsed);
        QVERIFY(error);
        QCOMPARE(error->code, code);
        QVERIFY(!error->message.empty());
    }

    void bracketsInStringsDoNotNest() {
        std::string line = text("{'jsonrpc':'2.0','method':'x','params':{'t':'") +
                           std::string(100, '[') + text("\\'[[[['}}");
        QVERIFY(std::holds_alternative<Envelope>(parseEnvelope(line)));
    }

    void failuresKeepTheirCode() {
        Error error{ErrorCode::NoSpace, 28, "write disk: No space left on device"};
        auto parsed = parseEnvelope(failureLine(MessageId(int64_t(3)), kRequestFailed, error));
        const auto& failure = std::get<Envelope>(parsed);
        QCOMPARE(failure.kind, Envelope::Kind::Failure);
        QCOMPARE(failure.error.code, ErrorCode::NoSpace);
        QCOMPARE(failure.error.systemErrno, 28);
        QCOMPARE(failure.error.detail, error.detail);
    }

    void strangeFailuresAreSurvived() {
        for (const std::string& line :
             {text("{'jsonrpc':'2.0','id':1,'error':5}"),
              text("{'jsonrpc':'2.0','id':1,'error':{'data':[]}}"),
              text("{'jsonrpc':'2.0','id':1,'error':{'data':{'errno':1e99}}}"),
              text("{'jsonrpc':'2.0','id':null,'error':{'message':7}}")}) {
            auto parsed = parseEnvelope(line);
            QVERIFY2(std::holds_alternative<Envelope>(parsed), line.c_str());
            QCOMPARE(std::get<Envelope>(parsed).kind, Envelope::Kind::Failure);
        }
    }

    void invalidUtf8IsReplacedOnTheWayOut() {
        std::string line = notificationLine("x", {{"text", "a\xff\xfe"}});
        QVERIFY(std::holds_alternative<Envelope>(parseEnvelope(line)));
    }
};
VIVARIUM_TEST(EnvelopeTest)

#include "envelope_test.moc"
