#pragma once

#include <QWidget>

class QLineEdit;
class QToolButton;

namespace vivarium {

// A line for a file or folder with a button that opens the file dialog.
class PathField : public QWidget {
    Q_OBJECT
public:
    enum class Kind { OpenFile, SaveFile, Folder };
    explicit PathField(Kind kind, QWidget* parent = nullptr);

    QString path() const;
    void setPath(const QString& path);
    void setPlaceholderText(const QString& text);
    // Title and name filters ("Images (*.iso);;All files (*)") of the file dialog.
    void setDialog(const QString& title, const QString& filters);
    // Where the dialog begins while the field is empty.
    void setStartFolder(const QString& folder) { m_startFolder = folder; }
    QLineEdit* lineEdit() const { return m_edit; }

Q_SIGNALS:
    void pathChanged(const QString& path);

protected:
    void showEvent(QShowEvent* event) override;
    void changeEvent(QEvent* event) override;
    void dragEnterEvent(QDragEnterEvent* event) override;
    void dropEvent(QDropEvent* event) override;

private:
    void retranslate();
    void browse();

    Kind m_kind;
    QLineEdit* m_edit;
    QToolButton* m_button;
    QString m_title;
    QString m_filters;
    QString m_startFolder;
};

} // namespace vivarium
