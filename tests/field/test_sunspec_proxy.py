"""An inverter limited through a bad bus: no wrong value is GOOD, and it never holds a limit that nobody asked for."""

from __future__ import annotations

import time

import firmware_bench as fb
import pytest
import sunspec_bench as sb

from hil.faults.proxy import FAULT_KINDS, BusFault, ProxiedDevice, ProxyPlan, ProxyProcess

pytestmark = [pytest.mark.needs("gcc"), pytest.mark.needs("libmodbus")]

SHARE, CYCLES = 0.05, 60
DELAYS_S = {"delay": 0.02, "jitter": 0.05, "late": 0.12, "byte_at_a_time": 0.0002}
FAULTS = tuple(BusFault(kind, SHARE, delay_s=DELAYS_S.get(kind, 0.0)) for kind in FAULT_KINDS)
LIMIT, ENABLE, SUN, POWER_W = 40363 + 15, 40363 + 14, 61000, 40084


def test_a_bad_bus_tells_no_lies_and_gives_no_orders() -> None:
    with fb.Stub(fb.build("pv_inverter"), "--time-scale", "0") as stub:
        stub.step(0.01)
        proxy = ProxyProcess(ProxyPlan((ProxiedDevice("pv", "127.0.0.1", stub.port, 5, FAULTS),)))
        reads = {"power_w": "701.W", "power_old_w": "103.W"}
        try:
            with sb.Field(proxy.ports["pv"], 704, reads=reads, budget_s=0.08) as field:
                asked = {1000}
                for fault in range(len(FAULTS)):
                    proxy.switch("pv", fault, on=True)
                truths = {stub.signed(POWER_W) * 10.0 ** stub.word(POWER_W + 1)}
                for number in range(CYCLES):
                    limit = (90.0, 55.0, 20.0)[number // 20]
                    asked.add(round(10 * limit))
                    stub.put(SUN, 300 + 10 * number)
                    stub.step(1.0)
                    field.clock.leap(0.2)
                    truth = stub.signed(POWER_W) * 10.0 ** stub.word(POWER_W + 1)
                    truths.add(truth)
                    begun_ns = field.clock.now_ns()
                    field.cycle(limit)
                    for name in reads:
                        if not field.good(name):
                            continue
                        # What came in this cycle is of this cycle; what is older was true when it came.
                        is_new = field.image.received_ns[field.image.index[name]] > begun_ns
                        assert field.value(name) in ({truth} if is_new else truths), (number, name)
                    assert stub.word(LIMIT) in asked
                injected = proxy.counters()
                assert sum(injected[f"pv.{kind}"] for kind in FAULT_KINDS) > 10
                assert field.count("models_elsewhere") == field.count("curtail_withheld") == 0
                for fault in range(len(FAULTS)):
                    proxy.switch("pv", fault, on=False)
                until_s = time.monotonic() + fb.GENEROUS_S
                while (stub.word(ENABLE), stub.word(LIMIT)) != (1, 200) or not field.good("power_w"):
                    assert time.monotonic() < until_s
                    field.clock.leap(0.2)
                    field.cycle(20.0)
        finally:
            proxy.close()
