#include "ui/widgets/value_slider.h"

#include "ui/widgets/field_name.h"

#include <QGridLayout>
#include <QLabel>
#include <QPainter>
#include <QSlider>
#include <QSpinBox>

#include <algorithm>
#include <cmath>

namespace vivarium {

namespace {
constexpr int kStepsPerDoubling = 16;
constexpr int kBarHeight = 4;
} // namespace

ValueSlider::ValueSlider(Scale scale, QWidget* parent)
    : QWidget(parent), m_scale(scale), m_slider(new QSlider(Qt::Horizontal, this)),
      m_spin(new QSpinBox(this)), m_lowest(new QLabel(this)), m_highest(new QLabel(this)) {
    auto* layout = new QGridLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setVerticalSpacing(kBarHeight + 4);
    layout->addWidget(m_slider, 0, 0, 1, 2);
    layout->addWidget(m_spin, 0, 2);
    layout->addWidget(m_lowest, 1, 0);
    layout->addWidget(m_highest, 1, 1, Qt::AlignRight);
    layout->setColumnStretch(0, 1);
    for (QLabel* label : {m_lowest, m_highest}) {
        QFont small = label->font();
        small.setPointSizeF(small.pointSizeF() * 0.85);
        label->setFont(small);
        label->setForegroundRole(QPalette::PlaceholderText);
    }
    m_spin->setAlignment(Qt::AlignRight);
    m_spin->setAccelerated(true);
    setFocusProxy(m_spin);
    connect(m_slider, &QSlider::valueChanged, this, [this](int position) {
        if (sliderPosition(m_spin->value()) != position)
            m_spin->setValue(valueAt(position));
    });
    connect(m_spin, &QSpinBox::valueChanged, this, [this](int value) {
        m_slider->setValue(sliderPosition(value));
        Q_EMIT
        valueChanged(value);
    });
}

void ValueSlider::showEvent(QShowEvent* event) {
    nameAfterLabel(*this, {m_slider, m_spin});
    QWidget::showEvent(event);
}

void ValueSlider::setRange(int minimum, int sliderMaximum, int maximum) {
    m_minimum = minimum;
    m_sliderMaximum = std::max(minimum, sliderMaximum);
    m_spin->setRange(minimum, maximum);
    m_slider->setRange(sliderPosition(minimum), sliderPosition(m_sliderMaximum));
    m_lowest->setText(QString::number(minimum) + m_suffix);
    m_highest->setText(QString::number(m_sliderMaximum) + m_suffix);
    m_slider->setValue(sliderPosition(m_spin->value()));
    update();
}

void ValueSlider::setAdvisedMaximum(int advised) {
    m_advised = advised;
    update();
}

void ValueSlider::setSuffix(const QString& suffix) {
    m_suffix = suffix;
    m_spin->setSuffix(suffix);
    setRange(m_minimum, m_sliderMaximum, m_spin->maximum());
}

void ValueSlider::setStep(int step) {
    m_step = std::max(1, step);
    m_spin->setSingleStep(m_step);
}

int ValueSlider::value() const {
    return m_spin->value();
}

void ValueSlider::setValue(int value) {
    m_spin->setValue(value);
}

int ValueSlider::sliderPosition(int value) const {
    const int bounded = std::clamp(value, m_minimum, m_sliderMaximum);
    if (m_scale == Scale::Linear)
        return bounded;
    return static_cast<int>(std::lround(std::log2(std::max(1, bounded)) * kStepsPerDoubling));
}

int ValueSlider::valueAt(int position) const {
    if (m_scale == Scale::Linear)
        return std::clamp(position / m_step * m_step, m_minimum, m_sliderMaximum);
    const double exact = std::exp2(static_cast<double>(position) / kStepsPerDoubling);
    const int rounded = static_cast<int>(std::lround(exact / m_step)) * m_step;
    return std::clamp(rounded, m_minimum, m_sliderMaximum);
}

void ValueSlider::paintEvent(QPaintEvent* event) {
    QWidget::paintEvent(event);
    // A thin bar below the slider: green up to the advised value, amber beyond.
    const int low = m_slider->minimum(), high = m_slider->maximum();
    if (high <= low)
        return;
    const int margin = 6; // half of a usual slider handle
    const QRect groove(m_slider->x() + margin, m_slider->geometry().bottom() + 1,
                       m_slider->width() - 2 * margin, kBarHeight);
    const double share =
        std::clamp(static_cast<double>(sliderPosition(m_advised) - low) / (high - low), 0.0, 1.0);
    const int split = static_cast<int>(share * groove.width());
    QPainter painter(this);
    painter.setOpacity(isEnabled() ? 1.0 : 0.4);
    painter.fillRect(groove.x(), groove.y(), split, groove.height(), QColor(0x4c, 0xaf, 0x50));
    painter.fillRect(groove.x() + split, groove.y(), groove.width() - split, groove.height(),
                     QColor(0xf0, 0xa0, 0x30));
}

} // namespace vivarium
