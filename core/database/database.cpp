#include "core/database/database.h"

#include <QByteArray>
#include <QFile>

#include <cerrno>
#include <cstdio>

#include <sqlite3.h>

namespace vivarium {

using namespace Qt::StringLiterals;

namespace {

constexpr int kBusyTimeoutMs = 5000;

ErrorCode codeFor(int sqliteCode, int systemErrno) {
    if (systemErrno == ENOSPC || systemErrno == EDQUOT)
        return ErrorCode::NoSpace;
    switch (sqliteCode & 0xff) {
    case SQLITE_FULL:
        return ErrorCode::NoSpace;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return ErrorCode::Busy;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return ErrorCode::Corrupt;
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_CANTOPEN:
    case SQLITE_AUTH:
        return ErrorCode::PermissionDenied;
    case SQLITE_CONSTRAINT:
        return ErrorCode::AlreadyExists;
    case SQLITE_TOOBIG:
        return ErrorCode::LimitExceeded;
    case SQLITE_IOERR:
    case SQLITE_NOMEM:
        return ErrorCode::Io;
    default:
        return ErrorCode::Internal;
    }
}

// The sentence a user reads. What SQLite says is added only where it tells more.
QString sentence(ErrorCode code, const QString& path, const char* sqliteText) {
    switch (code) {
    case ErrorCode::NoSpace:
        return u"The file system of the library %1 is full; make space and try again."_s.arg(path);
    case ErrorCode::Busy:
        return u"The library %1 is locked by another program; try again."_s.arg(path);
    case ErrorCode::Corrupt:
        return u"The library %1 is damaged or is not a library; move it away or restore a backup."_s
            .arg(path);
    case ErrorCode::PermissionDenied:
        return u"The library %1 cannot be opened for writing; check the permissions of the file and its folder."_s
            .arg(path);
    default:
        return u"The library %1 failed: %2."_s.arg(path, QString::fromUtf8(sqliteText));
    }
}

Error makeError(sqlite3* handle, const QString& path, int sqliteCode) {
    const int number = handle ? sqlite3_system_errno(handle) : 0;
    // The errno of an earlier call stays behind; it only explains failures of the file itself.
    const bool fromFile = (sqliteCode & 0xff) == SQLITE_IOERR ||
                          (sqliteCode & 0xff) == SQLITE_CANTOPEN ||
                          (sqliteCode & 0xff) == SQLITE_FULL;
    const ErrorCode code = codeFor(sqliteCode, fromFile ? number : 0);
    const char* text = handle ? sqlite3_errmsg(handle) : sqlite3_errstr(sqliteCode);
    return Error{code, fromFile ? number : 0, sentence(code, path, text).toStdString()};
}

} // namespace

void Statement::Finalizer::operator()(sqlite3_stmt* statement) const {
    sqlite3_finalize(statement);
}

Statement& Statement::bind(int parameter, const QString& value) {
    const QByteArray utf8 = value.toUtf8();
    const int result = sqlite3_bind_text(m_statement.get(), parameter, utf8.constData(),
                                         static_cast<int>(utf8.size()), SQLITE_TRANSIENT);
    if (result != SQLITE_OK && m_bindResult == SQLITE_OK)
        m_bindResult = result;
    return *this;
}

Statement& Statement::bind(int parameter, qint64 value) {
    const int result = sqlite3_bind_int64(m_statement.get(), parameter, value);
    if (result != SQLITE_OK && m_bindResult == SQLITE_OK)
        m_bindResult = result;
    return *this;
}

Result<bool> Statement::step() {
    const int result = m_bindResult == SQLITE_OK ? sqlite3_step(m_statement.get()) : m_bindResult;
    if (result == SQLITE_ROW)
        return true;
    if (result == SQLITE_DONE)
        return false;
    return m_database->lastError(result);
}

Result<void> Statement::run() {
    const Result<bool> stepped = step();
    reset();
    if (!stepped)
        return stepped.error();
    return {};
}

void Statement::reset() {
    sqlite3_reset(m_statement.get()); // repeats step()'s error, which has been reported
    m_bindResult = SQLITE_OK;
}

QString Statement::text(int column) const {
    return QString::fromUtf8(bytes(column));
}

QByteArray Statement::bytes(int column) const {
    const auto* data = static_cast<const char*>(sqlite3_column_blob(m_statement.get(), column));
    return {data, sqlite3_column_bytes(m_statement.get(), column)};
}

qint64 Statement::integer(int column) const {
    return sqlite3_column_int64(m_statement.get(), column);
}

void Database::Closer::operator()(sqlite3* handle) const {
    sqlite3_close_v2(handle);
}

Database::~Database() = default;

Result<std::unique_ptr<Database>> Database::open(const QString& path) {
    sqlite3* handle = nullptr;
    // Every connection stays on one thread, so SQLite's own mutexes are not needed.
    const int result = sqlite3_open_v2(path.toUtf8().constData(), &handle,
                                       SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE |
                                           SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
                                       nullptr);
    std::unique_ptr<Database> database(new Database(path, handle)); // the constructor is private
    if (result != SQLITE_OK)
        return database->lastError(result);
    sqlite3_busy_timeout(handle, kBusyTimeoutMs);
    if (sqlite3_db_readonly(handle, "main") == 1)
        return database->lastError(SQLITE_READONLY);
    TRY(database->execute("PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF;"));
    return database;
}

Result<Statement> Database::prepare(const char* sql) {
    sqlite3_stmt* statement = nullptr;
    const int result = sqlite3_prepare_v2(m_handle.get(), sql, -1, &statement, nullptr);
    if (result != SQLITE_OK)
        return lastError(result);
    return Statement(*this, statement);
}

Result<void> Database::execute(const char* sql) {
    const int result = sqlite3_exec(m_handle.get(), sql, nullptr, nullptr, nullptr);
    if (result != SQLITE_OK)
        return lastError(result);
    return {};
}

Result<qint64> Database::number(const char* sql) {
    Statement statement = TRY(prepare(sql));
    return TRY(statement.step()) ? statement.integer(0) : 0;
}

int Database::changedRows() const {
    return sqlite3_changes(m_handle.get());
}

qint64 Database::lastInsertRow() const {
    return sqlite3_last_insert_rowid(m_handle.get());
}

Error Database::lastError(int sqliteCode) const {
    return makeError(m_handle.get(), m_path, sqliteCode);
}

Result<void> Database::backUpTo(const QString& path) {
    const QString partial = path + u".partial"_s;
    QFile::remove(partial);
    {
        const std::unique_ptr<Database> target = TRY(open(partial));
        sqlite3_backup* backup =
            sqlite3_backup_init(target->m_handle.get(), "main", m_handle.get(), "main");
        if (!backup)
            return target->lastError(sqlite3_errcode(target->m_handle.get()));
        const int step = sqlite3_backup_step(backup, -1);
        const int finish = sqlite3_backup_finish(backup);
        if (step != SQLITE_DONE || finish != SQLITE_OK) {
            const Error error = target->lastError(finish != SQLITE_OK ? finish : step);
            QFile::remove(partial);
            return error;
        }
    }
    const QByteArray from = QFile::encodeName(partial);
    const QByteArray to = QFile::encodeName(path);
    if (std::rename(from.constData(), to.constData()) != 0)
        return systemError(errno,
                           "The library's backup " + path.toStdString() + " cannot be written");
    return {};
}

Result<Transaction> Transaction::begin(Database& database) {
    TRY(database.execute("BEGIN IMMEDIATE"));
    return Transaction(database);
}

Transaction::~Transaction() {
    // After a failed statement SQLite may have rolled back by itself; then this reports an error
    // that says nothing new.
    if (m_database)
        static_cast<void>(m_database->execute("ROLLBACK").has_value());
}

Result<void> Transaction::commit() {
    TRY(m_database->execute("COMMIT"));
    m_database = nullptr;
    return {};
}

} // namespace vivarium
