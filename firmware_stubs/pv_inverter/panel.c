#include "panel.h"

#include <math.h>

static const double PI = 3.14159265358979323846;
static const double NOCT_RISE_K = 25.0, NOCT_SUN = 800.0;            /* cells at 45 degC in 20 degC and 800 W/m2 */
static const double POWER_PER_K = -0.0035, VOLTAGE_PER_K = -0.0028; /* crystalline silicon, of the value at 25 degC */
static const double CELL_TAU_S = 300.0;
static const double MPP_V = 650.0, OPEN_TO_MPP = 1.22;
static const double SUNRISE = 0.25, DAYLIGHT = 0.5; /* of a day: six to six */
static const double CLOUD_DEPTH = 0.6;

/* Half a sine from sunrise to sunset, under clouds that come and go: two periods that have no common one. */
static double sun_of_day(double clear_noon, double time_of_day)
{
    const double elevation = sin(PI * (time_of_day - SUNRISE) / DAYLIGHT);
    const double cloud = sin(2.0 * PI * 37.0 * time_of_day) * sin(2.0 * PI * 11.3 * time_of_day);

    if (time_of_day <= SUNRISE || time_of_day >= SUNRISE + DAYLIGHT)
        return 0.0;
    return clear_noon * elevation * (1.0 - CLOUD_DEPTH * fmax(cloud, 0.0));
}

static void settle(panel *p)
{
    p->sun = p->day_s > 0.0 ? sun_of_day(p->irradiance, p->time_of_day) : p->irradiance;
    p->available_w = p->rated_w * p->sun / 1000.0 * fmax(1.0 + POWER_PER_K * (p->cell_degc - 25.0), 0.0);
}

static double cell_target_degc(const panel *p)
{
    return p->ambient_degc + NOCT_RISE_K * p->sun / NOCT_SUN;
}

void panel_init(panel *p, double rated_w, double irradiance, double ambient_degc)
{
    p->rated_w = rated_w;
    p->irradiance = irradiance;
    p->ambient_degc = ambient_degc;
    settle(p);
    p->cell_degc = cell_target_degc(p);
    settle(p);
}

void panel_step(panel *p, double dt_s)
{
    if (p->day_s > 0.0)
        p->time_of_day = fmod(p->time_of_day + dt_s / p->day_s, 1.0);
    p->cell_degc += (cell_target_degc(p) - p->cell_degc) * (1.0 - exp(-dt_s / CELL_TAU_S));
    settle(p);
}

double panel_voltage_v(const panel *p, double dc_w)
{
    const double mpp_v = MPP_V * (1.0 + VOLTAGE_PER_K * (p->cell_degc - 25.0));
    const double share = p->available_w > 0.0 ? fmin(dc_w / p->available_w, 1.0) : 1.0;

    if (p->sun < 1.0)
        return 0.0;
    /* The power curve near its top is a parabola of the voltage. */
    return mpp_v * (1.0 + (OPEN_TO_MPP - 1.0) * sqrt(1.0 - share));
}
