#pragma once

#include "vmm/softcpu/translator/hostile_guest.h"

#include <string>

namespace vivarium::softcpu::test {

// Runs hostile guests in the translator for a bounded time, and again in the interpreter. Uses the
// process's real-time timer; one at a time.
class HostileRun {
public:
    HostileRun();
    ~HostileRun();
    HostileRun(const HostileRun&) = delete;
    HostileRun& operator=(const HostileRun&) = delete;

    enum class Verdict {
        Same,      // both ended alike, or the interpreter came by where the translator stopped
        Unclear,   // it ran too far, or used page tables that it had changed behind its TLB
        Different, // see `difference()`
    };
    Verdict run(const HostileGuest& guest);
    const std::string& difference() const { return m_difference; }
    const Translator::Statistics& statistics() { return m_translated.translator().statistics(); }

private:
    void translate();
    Verdict interpret(bool ended);
    bool sameRegisters() const;
    bool sameState(); // else says in m_difference what is not

    GuardedMachine m_translated, m_interpreted;
    std::string m_difference;
};

} // namespace vivarium::softcpu::test
