#pragma once

#include <QByteArray>
#include <QFile>
#include <QString>

namespace vivarium::test {

// Guests of a few instructions, as multiboot kernels without a file format of their own: they start
// in milliseconds and do one thing.
class TinyKernel {
public:
    // Writes `text` to COM1.
    TinyKernel& print(const QByteArray& text) {
        code("66baf803"); // mov dx, 0x3f8
        for (const char c : text)
            code("b0").append(c).code("ee"); // mov al, c; out dx, al
        return *this;
    }
    // Leaves through the exit device with `value`.
    TinyKernel& exit(char value) {
        return code("b0").append(value).code("e6f4");
    } // mov al; out 0xf4, al
    // Sends back what comes in at COM1, for ever.
    TinyKernel& echo() {
        code("66bafd03eca80174f7");      // again: mov dx, 0x3fd; in al, dx; test al, 1; jz again
        return code("66baf803eceeebef"); // mov dx, 0x3f8; in al, dx; out dx, al; jmp again
    }
    // Sleeps for ever.
    TinyKernel& halt() { return code("f4ebfd"); } // hlt; jmp hlt
    // Triggers nothing and never sleeps.
    TinyKernel& spin() { return code("ebfe"); }

    // Multiboot 0.6.96, 3.1.2 and 3.1.3: the header with addresses (flag 16) makes any bytes a
    // kernel.
    QByteArray image() const {
        constexpr quint32 kMagic = 0x1BADB002, kFlags = 1u << 16, kLoadAddress = 0x100000;
        constexpr quint32 kHeaderBytes = 32;
        const quint32 end = kLoadAddress + kHeaderBytes + static_cast<quint32>(m_code.size());
        const quint32 header[8] = {
            kMagic, kFlags, 0u - kMagic - kFlags,       kLoadAddress, kLoadAddress,
            end,    end,    kLoadAddress + kHeaderBytes};
        return QByteArray(reinterpret_cast<const char*>(header), sizeof header) + m_code;
    }
    bool write(const QString& path) const {
        QFile file(path);
        return file.open(QIODevice::WriteOnly) && file.write(image()) > 0;
    }

private:
    TinyKernel& code(const char* hex) {
        m_code += QByteArray::fromHex(hex);
        return *this;
    }
    TinyKernel& append(char byte) {
        m_code += byte;
        return *this;
    }
    QByteArray m_code;
};

} // namespace vivarium::test
