#pragma once

#include <QWidget>

class QLabel;
class QSlider;
class QSpinBox;

namespace vivarium {

// A slider and a number field for the same value, with the ends of the range below. Values above
// `advised` are possible but marked. For wide ranges the slider can move in powers of two.
class ValueSlider : public QWidget {
    Q_OBJECT
public:
    enum class Scale { Linear, PowersOfTwo };
    explicit ValueSlider(Scale scale, QWidget* parent = nullptr);

    // The slider covers minimum..sliderMaximum, the number field minimum..maximum.
    void setRange(int minimum, int sliderMaximum, int maximum);
    void setAdvisedMaximum(int advised);
    void setSuffix(const QString& suffix);
    void setStep(int step);
    int value() const;
    void setValue(int value);
    QSpinBox* spinBox() const { return m_spin; }

Q_SIGNALS:
    void valueChanged(int value);

protected:
    void showEvent(QShowEvent* event) override;
    void paintEvent(QPaintEvent* event) override;

private:
    int sliderPosition(int value) const;
    int valueAt(int position) const;

    Scale m_scale;
    QSlider* m_slider;
    QSpinBox* m_spin;
    QLabel* m_lowest;
    QLabel* m_highest;
    QString m_suffix;
    int m_minimum = 1;
    int m_sliderMaximum = 100;
    int m_advised = 100;
    int m_step = 1;
};

} // namespace vivarium
