#pragma once

#include <QWidget>

class QLineEdit;
class QSlider;

namespace vivarium {

// The size of a virtual disk: a slider over powers of two and a line that understands "20 GB",
// "512M", "1.5 TB" (binary units).
class DiskSizeField : public QWidget {
    Q_OBJECT
public:
    static constexpr quint64 kMinimumBytes = 4ull << 20;
    static constexpr quint64 kMaximumBytes = 2ull << 40;

    explicit DiskSizeField(QWidget* parent = nullptr);

    // 0 while the text is not a size.
    quint64 sizeBytes() const { return m_sizeBytes; }
    void setSizeBytes(quint64 bytes);
    QLineEdit* lineEdit() const { return m_edit; }

    // Bytes, rounded up to whole 512-byte sectors; 0 for text that is not a size.
    static quint64 parse(const QString& text);

Q_SIGNALS:
    void sizeChanged(quint64 bytes);

protected:
    void showEvent(QShowEvent* event) override;

private:
    void showOnSlider();

    QSlider* m_slider;
    QLineEdit* m_edit;
    quint64 m_sizeBytes = 0;
};

} // namespace vivarium
