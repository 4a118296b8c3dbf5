/*
 * rule_file: the texts of rules and modules, each read once and kept. The supervisor checks all
 * rules before it forks, so its children find them here: a worker that is started anew runs the
 * same rules as the one that died, whatever has happened to the files since, and needs no right to
 * read them.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_RULE_FILE_H
#define WEIR_RULE_FILE_H

#include "base/err.h"
#include "base/slice.h"

#include <stddef.h>

#include <stdbool.h>

/* The whole text of a file, valid until rule_files_forget; false with the reason in `why`. */
bool rule_file_read(const char *path, struct slice *text, struct err *why);

/*
 * One line (from 1) of a text that is kept, without blanks around it; absent when there is no such
 * line, or the file was not read.
 */
struct slice rule_file_line(const char *path, unsigned line);

/* Frees all texts: the next read sees the files as they are then. */
void rule_files_forget(void);

/* Puts all texts into the file `fd`, instead of what is there; false with the reason in `why`. */
bool rule_files_write(int fd, struct err *why);

/* Takes the texts that are in the file `fd` instead of those that are kept. */
bool rule_files_read(int fd, struct err *why);

/* From here on files are read as they are now; what was kept is set aside. */
void rule_files_set_aside(void);

/* Names the files, ", " between them, that are not as those set aside; how many there are. */
size_t rule_files_list_changed(char *to, size_t size);

#endif
