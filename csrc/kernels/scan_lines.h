/* Walking the lines of a running sum, whatever their strides. Compiled once an instruction set; the
 * mathematics comes in through a tk_scanner. */
#ifndef TK_SCAN_LINES_H
#define TK_SCAN_LINES_H

#include "move.h"
#include "rows.h"
#include "work.h"

/* One line of n elements; steps in bytes. */
typedef void tk_scan_line_fn(const char *in, int64_t in_step, char *out, int64_t out_step,
                             int64_t n);
/* `rows` elements of n lines, side by side in and out; acc holds what came before, unless first. */
typedef void tk_scan_rows_fn(const char *in, int64_t in_step, char *out, int64_t out_step,
                             int64_t rows, int64_t n, void *acc, int first);

typedef struct tk_scanner {
    int in_size, out_size;
    int short_chain; /* a step is no dearer than reading and writing an element */
    tk_scan_line_fn *line;
    tk_scan_rows_fn *rows;
} tk_scanner;

enum { TK_SCAN_LINES = 64, TK_SCAN_ROWS = 32 }; /* a block of them: two buffers of 16 KiB in double */
/* Fewer lines are not worth the way through the buffers: measured, three take as long alone. */
enum { TK_SCAN_FEW = 4 };

/* n lines that are as far apart as row[0] and row[1] say: each block of elements is brought side by
 * side where it is not, so that the chains of all lines run at once. */
TK_OUTLINE void tk_scan_block(const tk_scan_work *w, char *out, int64_t out_step, const char *in,
                              int64_t in_step, int64_t n, const tk_scanner *f)
{
    _Alignas(64) char read[TK_SCAN_LINES * TK_SCAN_ROWS * 8];
    _Alignas(64) char written[TK_SCAN_LINES * TK_SCAN_ROWS * 8];
    int64_t acc[TK_SCAN_LINES];
    const int64_t out_dim = w->dim_step[0], in_dim = w->dim_step[1];
    const int gathers = in_step != f->in_size, scatters = out_step != f->out_size;
    for (int64_t done = 0, rows; done < w->length; done += rows) {
        rows = w->length - done < TK_SCAN_ROWS ? w->length - done : TK_SCAN_ROWS;
        const int64_t start = w->reverse ? w->length - done - rows : done;
        const char *x = in + start * in_dim;
        char *y = scatters ? written : out + start * out_dim;
        int64_t x_step = in_dim, y_step = scatters ? n * f->out_size : out_dim;
        if (gathers) {
            tk_gather_span(x, &(tk_span){rows, n, in_dim, in_step}, read, f->in_size);
            x = read;
            x_step = n * f->in_size;
        }
        if (w->reverse) {
            x += (rows - 1) * x_step;
            y += (rows - 1) * y_step;
            x_step = -x_step;
            y_step = -y_step;
        }
        f->rows(x, x_step, y, y_step, rows, n, acc, done == 0);
        if (scatters)
            tk_scatter_span(out + start * out_dim, &(tk_span){rows, n, out_dim, out_step}, written,
                            f->out_size);
    }
}

TK_OUTLINE void tk_scan_units(const void *work, int64_t lo, int64_t hi, const tk_scanner *f)
{
    const tk_scan_work *w = work;
    const tk_map_work *m = &w->rest;
    const int64_t out_step = m->stride[0][m->ndim - 1], in_step = m->stride[1][m->ndim - 1];
    const int alone = f->short_chain && w->dim_step[0] == f->out_size &&
                      w->dim_step[1] == f->in_size;
    int64_t index[TK_MAX_NDIM], n;
    char *row[2];
    for (tk_start_rows(m, lo, index); lo < hi; lo += n) {
        n = tk_next_row(m, 2, index, hi - lo, row);
        for (int64_t i = 0, some; i < n; i += some) {
            some = n - i < TK_SCAN_LINES ? n - i : TK_SCAN_LINES;
            char *out = row[0] + i * out_step;
            const char *in = row[1] + i * in_step;
            if (some >= TK_SCAN_FEW && !alone) {
                tk_scan_block(w, out, out_step, in, in_step, some, f);
                continue;
            }
            const int64_t last = w->reverse ? w->length - 1 : 0, sign = w->reverse ? -1 : 1;
            for (int64_t k = 0; k < some; k++)
                f->line(in + k * in_step + last * w->dim_step[1], sign * w->dim_step[1],
                        out + k * out_step + last * w->dim_step[0], sign * w->dim_step[0],
                        w->length);
        }
    }
}

#endif
