#pragma once

#include "vmm/base/result.h"
#include "vmm/base/unique_fd.h"

#include <QByteArray>
#include <QString>

namespace vivarium {

// A file that comes into being: without its name until it is whole. Goes without a trace when it is
// destroyed before; what a killed program leaves (only of Hidden ones, or where the file system has
// no unnamed files) is removed by the next NewFile in the folder. Any thread.
class NewFile {
public:
    enum class Naming {
        Unnamed, // where the file system can, else as Hidden
        Hidden,  // ".<name>.<random>.part", for a program that opens it by its name
    };
    enum class Target { MustNotExist, Replaced };
    // An empty file, open read-write, mode 0600, that will be `path`. Errors: AlreadyExists,
    // NotFound (the folder), PermissionDenied, NoSpace.
    static Result<NewFile> create(const QString& path, Naming naming,
                                  Target target = Target::MustNotExist);
    NewFile(NewFile&& other) noexcept;
    NewFile& operator=(NewFile&&) = delete;
    ~NewFile();

    const UniqueFd& fd() const { return m_fd; }
    // Makes it durable and gives it its name. Errors: AlreadyExists when somebody was faster (then
    // nothing is replaced), NoSpace, Io.
    Result<void> finish();

private:
    NewFile(const QString& path, Target target);
    Result<void> createUnnamed();
    Result<void> createHidden();
    void removeLeftovers() const;
    Error failure(int number) const;
    QByteArray hiddenPath() const;
    int giveName(); // 0 or an errno

    QByteArray m_path;
    QByteArray m_folder;
    Target m_target;
    UniqueFd m_fd;
    QByteArray m_hidden; // its present name; empty: none
};

} // namespace vivarium
