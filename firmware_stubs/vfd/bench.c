#include "bench.h"

motor_plate bench_plate(const settings *s)
{
    return (motor_plate){
        .rated_voltage_v = settings_get(s, "--rated-voltage-v"),
        .rated_frequency_hz = settings_get(s, "--rated-frequency-hz"),
        .rated_current_a = settings_get(s, "--rated-current-a"),
        .rated_speed_rpm = settings_get(s, "--rated-speed-rpm"),
        .rated_power_kw = settings_get(s, "--rated-power-kw"),
        .thermal_tau_s = settings_get(s, "--thermal-tau-s"),
    };
}

void bench_init(bank *b, const settings *s)
{
    bank_put(b, HR_BENCH_LOCAL, (uint16_t)settings_get(s, "--mode"));
}

void bench_take(drive_orders *o, const bank *b)
{
    o->load_share = 1e-4 * bank_word(b, HR_BENCH_LOAD);
    o->trip = bank_word(b, HR_BENCH_TRIP);
    o->local = bank_word(b, HR_BENCH_LOCAL) == 1;
}

void bench_publish(const drive *d, bank *b)
{
    bank_put(b, HR_BENCH_SHAFT, counts_s16(d->motor.shaft_rpm, 1.0));
}

bool bench_covers(uint16_t first, uint16_t count, uint16_t address)
{
    return address >= first && address < first + count;
}
