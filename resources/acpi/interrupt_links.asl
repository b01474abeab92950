/*
 * Interrupt links for systems that use the PICs: one a PIRQ, programmed through the LPC bridge's
 * routing registers. ISA interrupts 5, 10 and 11 have no other device.
 */
// A link's resources from its routing register.
Method (LCRS, 1, Serialized)
{
    Name (BUF0, ResourceTemplate ()
    {
        Interrupt (ResourceConsumer, Level, ActiveHigh, Shared,,, LIRQ) { 0 }
    })
    CreateDWordField (BUF0, LIRQ._INT, IRQN)
    If ((Arg0 & 0x80) == Zero)
    {
        IRQN = Arg0 & 0x0F
    }
    Return (BUF0)
}

Method (LSTA, 1, NotSerialized)
{
    If (Arg0 & 0x80)
    {
        Return (0x09)
    }
    Return (0x0B)
}

Device (LNKA)
{
    Name (_HID, EisaId ("PNP0C0F"))
    Name (_UID, 0)
    Name (_PRS, ResourceTemplate ()
    {
        Interrupt (ResourceConsumer, Level, ActiveHigh, Shared) { 5, 10, 11 }
    })
    Method (_STA, 0, NotSerialized) { Return (LSTA (\_SB.PCI0.LPC.PRQA)) }
    Method (_CRS, 0, Serialized) { Return (LCRS (\_SB.PCI0.LPC.PRQA)) }
    Method (_DIS, 0, NotSerialized) { \_SB.PCI0.LPC.PRQA |= 0x80 }
    Method (_SRS, 1, NotSerialized)
    {
        CreateDWordField (Arg0, 0x05, SELA)
        \_SB.PCI0.LPC.PRQA = SELA & 0x0F
    }
}

Device (LNKB)
{
    Name (_HID, EisaId ("PNP0C0F"))
    Name (_UID, 1)
    Name (_PRS, ResourceTemplate ()
    {
        Interrupt (ResourceConsumer, Level, ActiveHigh, Shared) { 5, 10, 11 }
    })
    Method (_STA, 0, NotSerialized) { Return (LSTA (\_SB.PCI0.LPC.PRQB)) }
    Method (_CRS, 0, Serialized) { Return (LCRS (\_SB.PCI0.LPC.PRQB)) }
    Method (_DIS, 0, NotSerialized) { \_SB.PCI0.LPC.PRQB |= 0x80 }
    Method (_SRS, 1, NotSerialized)
    {
        CreateDWordField (Arg0, 0x05, SELB)
        \_SB.PCI0.LPC.PRQB = SELB & 0x0F
    }
}

Device (LNKC)
{
    Name (_HID, EisaId ("PNP0C0F"))
    Name (_UID, 2)
    Name (_PRS, ResourceTemplate ()
    {
        Interrupt (ResourceConsumer, Level, ActiveHigh, Shared) { 5, 10, 11 }
    })
    Method (_STA, 0, NotSerialized) { Return (LSTA (\_SB.PCI0.LPC.PRQC)) }
    Method (_CRS, 0, Serialized) { Return (LCRS (\_SB.PCI0.LPC.PRQC)) }
    Method (_DIS, 0, NotSerialized) { \_SB.PCI0.LPC.PRQC |= 0x80 }
    Method (_SRS, 1, NotSerialized)
    {
        CreateDWordField (Arg0, 0x05, SELC)
        \_SB.PCI0.LPC.PRQC = SELC & 0x0F
    }
}

Device (LNKD)
{
    Name (_HID, EisaId ("PNP0C0F"))
    Name (_UID, 3)
    Name (_PRS, ResourceTemplate ()
    {
        Interrupt (ResourceConsumer, Level, ActiveHigh, Shared) { 5, 10, 11 }
    })
    Method (_STA, 0, NotSerialized) { Return (LSTA (\_SB.PCI0.LPC.PRQD)) }
    Method (_CRS, 0, Serialized) { Return (LCRS (\_SB.PCI0.LPC.PRQD)) }
    Method (_DIS, 0, NotSerialized) { \_SB.PCI0.LPC.PRQD |= 0x80 }
    Method (_SRS, 1, NotSerialized)
    {
        CreateDWordField (Arg0, 0x05, SELD)
        \_SB.PCI0.LPC.PRQD = SELD & 0x0F
    }
}

Device (LNKE)
{
    Name (_HID, EisaId ("PNP0C0F"))
    Name (_UID, 4)
    Name (_PRS, ResourceTemplate ()
    {
        Interrupt (ResourceConsumer, Level, ActiveHigh, Shared) { 5, 10, 11 }
    })
    Method (_STA, 0, NotSerialized) { Return (LSTA (\_SB.PCI0.LPC.PRQE)) }
    Method (_CRS, 0, Serialized) { Return (LCRS (\_SB.PCI0.LPC.PRQE)) }
    Method (_DIS, 0, NotSerialized) { \_SB.PCI0.LPC.PRQE |= 0x80 }
    Method (_SRS, 1, NotSerialized)
    {
        CreateDWordField (Arg0, 0x05, SELE)
        \_SB.PCI0.LPC.PRQE = SELE & 0x0F
    }
}

Device (LNKF)
{
    Name (_HID, EisaId ("PNP0C0F"))
    Name (_UID, 5)
    Name (_PRS, ResourceTemplate ()
    {
        Interrupt (ResourceConsumer, Level, ActiveHigh, Shared) { 5, 10, 11 }
    })
    Method (_STA, 0, NotSerialized) { Return (LSTA (\_SB.PCI0.LPC.PRQF)) }
    Method (_CRS, 0, Serialized) { Return (LCRS (\_SB.PCI0.LPC.PRQF)) }
    Method (_DIS, 0, NotSerialized) { \_SB.PCI0.LPC.PRQF |= 0x80 }
    Method (_SRS, 1, NotSerialized)
    {
        CreateDWordField (Arg0, 0x05, SELF)
        \_SB.PCI0.LPC.PRQF = SELF & 0x0F
    }
}

Device (LNKG)
{
    Name (_HID, EisaId ("PNP0C0F"))
    Name (_UID, 6)
    Name (_PRS, ResourceTemplate ()
    {
        Interrupt (ResourceConsumer, Level, ActiveHigh, Shared) { 5, 10, 11 }
    })
    Method (_STA, 0, NotSerialized) { Return (LSTA (\_SB.PCI0.LPC.PRQG)) }
    Method (_CRS, 0, Serialized) { Return (LCRS (\_SB.PCI0.LPC.PRQG)) }
    Method (_DIS, 0, NotSerialized) { \_SB.PCI0.LPC.PRQG |= 0x80 }
    Method (_SRS, 1, NotSerialized)
    {
        CreateDWordField (Arg0, 0x05, SELG)
        \_SB.PCI0.LPC.PRQG = SELG & 0x0F
    }
}

Device (LNKH)
{
    Name (_HID, EisaId ("PNP0C0F"))
    Name (_UID, 7)
    Name (_PRS, ResourceTemplate ()
    {
        Interrupt (ResourceConsumer, Level, ActiveHigh, Shared) { 5, 10, 11 }
    })
    Method (_STA, 0, NotSerialized) { Return (LSTA (\_SB.PCI0.LPC.PRQH)) }
    Method (_CRS, 0, Serialized) { Return (LCRS (\_SB.PCI0.LPC.PRQH)) }
    Method (_DIS, 0, NotSerialized) { \_SB.PCI0.LPC.PRQH |= 0x80 }
    Method (_SRS, 1, NotSerialized)
    {
        CreateDWordField (Arg0, 0x05, SELH)
        \_SB.PCI0.LPC.PRQH = SELH & 0x0F
    }
}
