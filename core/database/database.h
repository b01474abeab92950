#pragma once

#include "vmm/base/result.h"

#include <QString>

#include <memory>

struct sqlite3;
struct sqlite3_stmt;

namespace vivarium {

class Database;

// A prepared statement with bound values. Used on its Database's thread and gone before it.
class Statement {
public:
    Statement& bind(int parameter, const QString& value); // parameters count from 1
    Statement& bind(int parameter, qint64 value);
    Statement& bind(int parameter, const char*) = delete;

    // Runs to the next row; false when there is none left.
    Result<bool> step();
    // Runs a statement that returns no rows, then resets it for the next binding.
    Result<void> run();
    void reset();

    QString text(int column) const; // columns count from 0
    QByteArray bytes(int column) const;
    qint64 integer(int column) const;

private:
    friend class Database;
    struct Finalizer {
        void operator()(sqlite3_stmt* statement) const;
    };
    Statement(Database& database, sqlite3_stmt* statement)
        : m_database(&database), m_statement(statement) {}

    Database* m_database;
    std::unique_ptr<sqlite3_stmt, Finalizer> m_statement;
    int m_bindResult = 0; // the first failed binding, reported by step()
};

// A connection to one SQLite file. One thread.
class Database {
public:
    // Opens or creates the file and waits up to 5 s for other programs' locks. Foreign keys are on.
    // Errors: PermissionDenied, NotFound (no such folder), NoSpace.
    static Result<std::unique_ptr<Database>> open(const QString& path);
    ~Database();
    Database(const Database&) = delete;
    Database& operator=(const Database&) = delete;

    Result<Statement> prepare(const char* sql);
    // Several statements without values: schema changes and pragmas.
    Result<void> execute(const char* sql);
    // One statement with values for ?1, ?2, ... and without rows.
    template <class... Values>
    Result<void> run(const char* sql, const Values&... values) {
        Statement statement = TRY(prepare(sql));
        int parameter = 0;
        (statement.bind(++parameter, values), ...);
        return statement.run();
    }
    // The one number that a query or pragma returns; 0 when it returns no row.
    Result<qint64> number(const char* sql);
    // Rows changed by the last insert, update or delete.
    int changedRows() const;
    qint64 lastInsertRow() const;

    // Copies all committed content to a new file, which replaces `path` only when complete.
    Result<void> backUpTo(const QString& path);

    const QString& path() const { return m_path; }
    // The connection's last error as one of ours, in a sentence about the library file.
    Error lastError(int sqliteCode) const;

private:
    struct Closer {
        void operator()(sqlite3* handle) const;
    };
    Database(QString path, sqlite3* handle) : m_path(std::move(path)), m_handle(handle) {}

    QString m_path;
    std::unique_ptr<sqlite3, Closer> m_handle;
};

// A write transaction: begins at once (so it cannot fail half-way for a lock) and rolls back unless
// committed.
class Transaction {
public:
    static Result<Transaction> begin(Database& database);
    Transaction(Transaction&& other) noexcept
        : m_database(std::exchange(other.m_database, nullptr)) {}
    Transaction& operator=(Transaction&&) = delete;
    ~Transaction();
    Result<void> commit();

private:
    explicit Transaction(Database& database) : m_database(&database) {}
    Database* m_database;
};

} // namespace vivarium
