#include "ui/details/details_section.h"

#include "ui/widgets/icons.h"

#include <QLabel>
#include <QToolButton>
#include <QVBoxLayout>

namespace vivarium {

DetailsSection::DetailsSection(const QString& iconName, QWidget* parent)
    : QFrame(parent), m_title(new QToolButton(this)), m_body(new QLabel(this)) {
    setFrameShape(QFrame::StyledPanel);
    setBackgroundRole(QPalette::Base);
    setAutoFillBackground(true);
    m_title->setIcon(applicationIcon(iconName));
    m_title->setIconSize(QSize(20, 20));
    m_title->setToolButtonStyle(Qt::ToolButtonTextBesideIcon);
    m_title->setAutoRaise(true);
    m_title->setCursor(Qt::PointingHandCursor);
    QFont bold = m_title->font();
    bold.setBold(true);
    m_title->setFont(bold);
    m_body->setTextFormat(Qt::RichText);
    m_body->setWordWrap(true);
    m_body->setTextInteractionFlags(Qt::TextSelectableByMouse);
    m_body->setContentsMargins(30, 0, 8, 4);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(4, 4, 4, 4);
    layout->setSpacing(2);
    layout->addWidget(m_title, 0, Qt::AlignLeft);
    layout->addWidget(m_body);
    connect(m_title, &QToolButton::clicked, this, &DetailsSection::titleClicked);
}

void DetailsSection::setTitle(const QString& title, const QString& toolTip) {
    m_title->setText(title);
    m_title->setToolTip(toolTip);
}

void DetailsSection::setDetail(const QString& detail) {
    m_body->setToolTip(detail);
}

void DetailsSection::setLines(const QList<Line>& lines) {
    QString html = QStringLiteral("<table cellspacing='0' cellpadding='1'>");
    QStringList plain;
    for (const Line& line : lines) {
        QString value = line.value.toHtmlEscaped();
        value.replace(u'\n', QStringLiteral("<br>"));
        if (line.name.isEmpty()) {
            html += QStringLiteral("<tr><td colspan='2'>%1</td></tr>").arg(value);
            plain << line.value;
        } else {
            html += QStringLiteral("<tr><td style='padding-right:12px;white-space:nowrap'>%1</td>"
                                   "<td>%2</td></tr>")
                        .arg(line.name.toHtmlEscaped(), value);
            plain << line.name + u' ' + line.value;
        }
    }
    html += QStringLiteral("</table>");
    const QString text = plain.join(u'\n');
    if (text == m_plainText)
        return;
    m_plainText = text;
    m_body->setText(html);
    m_body->setAccessibleDescription(text);
}

} // namespace vivarium
