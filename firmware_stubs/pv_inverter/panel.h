/* Sun and solar panels: what DC power there is, and at what voltage. */
#ifndef PANEL_H
#define PANEL_H

typedef struct {
    double rated_w;        /* at 1000 W/m2 and cells at 25 degC */
    double day_s;          /* a day from midnight to midnight; 0: the sun stands */
    double time_of_day;    /* 0 to 1 */
    double irradiance;     /* set: now, or at noon under a clear sky, W/m2 */
    double ambient_degc;
    double sun;            /* now, W/m2 */
    double cell_degc;
    double available_w;    /* at the maximum power point */
} panel;

void panel_init(panel *p, double rated_w, double irradiance, double ambient_degc);
void panel_step(panel *p, double dt_s);

/* Where the operating point lies when no more than dc_w is drawn: above the maximum power point's voltage. */
double panel_voltage_v(const panel *p, double dc_w);

#endif
