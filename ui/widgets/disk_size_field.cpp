#include "ui/widgets/disk_size_field.h"

#include "ui/text/machine_text.h"
#include "ui/widgets/field_name.h"

#include <QHBoxLayout>
#include <QLineEdit>
#include <QLocale>
#include <QRegularExpression>
#include <QSignalBlocker>
#include <QSlider>

#include <cmath>

namespace vivarium {

namespace {

constexpr int kStepsPerDoubling = 8;

int positionOf(quint64 bytes) {
    return static_cast<int>(std::lround(std::log2(static_cast<double>(bytes)) * kStepsPerDoubling));
}

// The slider's sizes are whole mebibytes below 4 GiB, whole gibibytes above.
quint64 bytesAt(int position) {
    const double exact = std::exp2(static_cast<double>(position) / kStepsPerDoubling);
    const double unit = exact < 4.0 * (1ull << 30) ? 1ull << 20 : 1ull << 30;
    return static_cast<quint64>(std::lround(exact / unit)) * static_cast<quint64>(unit);
}

} // namespace

DiskSizeField::DiskSizeField(QWidget* parent)
    : QWidget(parent), m_slider(new QSlider(Qt::Horizontal, this)), m_edit(new QLineEdit(this)) {
    auto* layout = new QHBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->addWidget(m_slider, 1);
    layout->addWidget(m_edit);
    m_edit->setAlignment(Qt::AlignRight);
    m_edit->setFixedWidth(m_edit->fontMetrics().horizontalAdvance(QStringLiteral("0000.00 GBxx")));
    m_slider->setRange(positionOf(kMinimumBytes), positionOf(kMaximumBytes));
    m_slider->setPageStep(kStepsPerDoubling);
    setFocusProxy(m_edit);
    connect(m_slider, &QSlider::valueChanged, this,
            [this](int position) { setSizeBytes(bytesAt(position)); });
    connect(m_edit, &QLineEdit::textChanged, this, [this](const QString& text) {
        m_sizeBytes = parse(text);
        showOnSlider();
        Q_EMIT
        sizeChanged(m_sizeBytes);
    });
}

void DiskSizeField::showEvent(QShowEvent* event) {
    nameAfterLabel(*this, {m_slider, m_edit});
    QWidget::showEvent(event);
}

void DiskSizeField::setSizeBytes(quint64 bytes) {
    m_edit->setText(sizeText(bytes));
    // The text may be rounded; the number given is what counts.
    m_sizeBytes = bytes;
    showOnSlider();
    Q_EMIT
    sizeChanged(bytes);
}

// The slider follows, and does not put its own nearest size into the text that is being typed.
void DiskSizeField::showOnSlider() {
    const QSignalBlocker quiet(m_slider);
    if (m_sizeBytes != 0)
        m_slider->setValue(positionOf(m_sizeBytes));
}

quint64 DiskSizeField::parse(const QString& text) {
    static const QRegularExpression pattern(
        QStringLiteral("^\\s*([0-9]+(?:[.,][0-9]+)?)\\s*([kmgt]?)i?b?\\s*$"),
        QRegularExpression::CaseInsensitiveOption);
    const QRegularExpressionMatch match = pattern.match(text);
    if (!match.hasMatch())
        return 0;
    const double number = match.captured(1).replace(u',', u'.').toDouble();
    int shift = 20; // a bare number means megabytes, as in VirtualBox
    const QString unit = match.captured(2).toLower();
    if (unit == u"k")
        shift = 10;
    else if (unit == u"g")
        shift = 30;
    else if (unit == u"t")
        shift = 40;
    const double bytes = std::ldexp(number, shift);
    if (!(bytes >= 1) || bytes > std::ldexp(1.0, 62))
        return 0;
    return (static_cast<quint64>(bytes) + 511) / 512 * 512;
}

} // namespace vivarium
