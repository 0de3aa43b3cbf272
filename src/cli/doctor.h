/* `memscope-top doctor [PROGRAM]`: what could be seen here and of it, what is missing, how to mend.
 */
#ifndef MS_CLI_DOCTOR_H
#define MS_CLI_DOCTOR_H

/* `program` may be NULL. Runs nothing. Returns 0 when everything needed is there, else 1; 126/127
 * when the program cannot be looked at. */
int ms_doctor(const char *program);

#endif
