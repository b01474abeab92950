#include "app/cli/printer.h"

#include <QJsonDocument>

#include <cstdio>

namespace vivarium::cli {

namespace {

void writeLine(FILE* stream, QByteArray line) {
    if (!line.endsWith('\n'))
        line += '\n';
    std::fwrite(line.constData(), 1, static_cast<size_t>(line.size()), stream);
    std::fflush(stream);
}

} // namespace

void printText(const QString& text) {
    writeLine(stdout, text.toUtf8());
}

void printJson(const QJsonObject& object) {
    writeLine(stdout, QJsonDocument(object).toJson());
}

void printJson(const QJsonArray& array) {
    writeLine(stdout, QJsonDocument(array).toJson());
}

ExitStatus printError(const Error& error) {
    QString sentence = printable(QString::fromStdString(error.detail));
    if (sentence.isEmpty())
        sentence = QString::fromLatin1(errorCodeName(error.code));
    // Some details are written for a log: without a capital and a full stop.
    sentence[0] = sentence.at(0).toUpper();
    if (!sentence.endsWith(u'.') && !sentence.endsWith(u'?') && !sentence.endsWith(u'!'))
        sentence += u'.';
    writeLine(stderr, "viv: " + sentence.toUtf8());
    return exitStatusFor(error.code);
}

QString printable(const QString& text) {
    QString result;
    result.reserve(text.size());
    for (const QChar c : text) {
        if (c == u'\n')
            result += QStringLiteral("\\n");
        else if (c == u'\t')
            result += QStringLiteral("\\t");
        else if (c.category() == QChar::Other_Control)
            result += QStringLiteral("\\x%1").arg(c.unicode(), 2, 16, QLatin1Char('0'));
        else
            result += c;
    }
    return result;
}

} // namespace vivarium::cli
