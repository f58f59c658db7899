/* More of the contract, read by tinygrad_k/_build.py as tk.h is: doors in place and by index. Kernels do
 * not include this, so none is compiled anew for a door. */
#ifndef TK_DOORS_H
#define TK_DOORS_H

#include "tk.h"

/* cdef begin */
/* -- in place, where nothing is recorded: the new stamp of the memory; -1 with an error; 0 and nothing
 * was done, as the number does not fit the dtype or the index is of another kind ---------------- */
int64_t tk_change1(int kernel, tk_tensor *t, double p, double q);
int64_t tk_change2(int kernel, tk_tensor *t, tk_tensor *b);
int64_t tk_change3(int kernel, tk_tensor *t, tk_tensor *b, tk_tensor *c, double p);
int64_t tk_change_float(int kernel, tk_tensor *t, double value);
int64_t tk_change_int(int kernel, tk_tensor *t, int64_t value);
int64_t tk_add_scaled(tk_tensor *t, tk_tensor *b, double scale); /* 0 for others than floats */
int64_t tk_write(tk_tensor *t, tk_tensor *src); /* as tk_copy_into */
int64_t tk_write_float(tk_tensor *t, double value);
int64_t tk_write_int(tk_tensor *t, int64_t value);
int64_t tk_assign(tk_tensor *t, int n, const int64_t *items, tk_tensor *src); /* to a subscript */
int64_t tk_assign_float(tk_tensor *t, int n, const int64_t *items, double value);
int64_t tk_assign_int(tk_tensor *t, int n, const int64_t *items, int64_t value);
/* Where a mask of t's shape holds, or to the parts of the first dimension that a vector names. */
int64_t tk_assign_float_at(tk_tensor *t, tk_tensor *index, double value);
int64_t tk_assign_int_at(tk_tensor *t, tk_tensor *index, int64_t value);
/* t[index, ...] = src, or += src, for n vectors of integers, src of the part's shape; 0 for others. */
int64_t tk_assign_at(tk_tensor *t, int n, tk_tensor **index, tk_tensor *src, int adds);
/* tk_scatter, where source and index have as many dimensions. */
int64_t tk_change_scatter(int kernel, tk_tensor *t, int64_t dim, tk_tensor *index, tk_tensor *src);
int64_t tk_change_scatter_float(int kernel, tk_tensor *t, int64_t dim, tk_tensor *index, double value);
int64_t tk_change_scatter_int(int kernel, tk_tensor *t, int64_t dim, tk_tensor *index, int64_t value);
int64_t tk_change_triangle(tk_tensor *t, int64_t diagonal, int upper); /* tk_cut_triangle */
int64_t tk_refill(int kernel, tk_tensor *t, tk_generator *g, double p, double q); /* tk_random */

/* -- by index ----------------------------------------------------------------------------------- */
/* The parts that n indices as tk_linear_index's, of the dimensions from dim on, name; their broadcast
 * shape takes the place of these. */
tk_tensor *tk_lookup(tk_tensor *a, int64_t dim, int n, tk_tensor **index);
tk_tensor *tk_scattered(int kernel, tk_tensor *a, int64_t dim, tk_tensor *index,
                        tk_tensor *src); /* tk_scatter into a copy */

/* Rows by bags, as kernels/bag.h says. a: the table; for bag_spread [bags, width], and `rows` says how
 * many the result has. other: weights, or NULL; for bag_dots [bags, width]. padding: a row, or -1. */
tk_tensor *tk_bag(int kernel, tk_tensor *a, tk_tensor *index, tk_tensor *start, tk_tensor *other,
                  int64_t rows, int64_t padding, int mean);
/* Where bags begin, int64, and behind them where the last one ends. */
tk_tensor *tk_bag_starts(tk_tensor *offsets, int64_t entries);

/* -- copies whose parts stand elsewhere or again -------------------------------------------------- */
/* Each part of a dimension n times in a row. */
tk_tensor *tk_repeat_parts(tk_tensor *t, int64_t dim, int64_t n);
/* Zeros of a shape with t on a diagonal. */
tk_tensor *tk_from_diagonal(tk_tensor *t, int ndim, const int64_t *shape, int64_t offset, int64_t dim1,
                            int64_t dim2);

/* A view of windows of `size` elements of a dimension, `step` apart; they are the last dimension. */
tk_tensor *tk_unfold(tk_tensor *t, int64_t dim, int64_t size, int64_t step);

/* -- counts and places, int64, written at once ----------------------------------------------- */
tk_tensor *tk_bincount(tk_tensor *t, int64_t least); /* how often 0, 1, ... appear; at least so many */
int64_t tk_bins(tk_tensor *t, int64_t least); /* how many that are; -1 with an error */
/* The elements that differ from the one before, in a vector; and what is wanted: their places, how many
 * runs begin before each element or with it, less one, and how long each run is. */
enum { TK_RUN_STARTS = 1, TK_RUN_RANKS = 2, TK_RUN_COUNTS = 4 };
tk_tensor *tk_runs(tk_tensor *t, int wanted, tk_tensor **more);
/* Which of False and True there are, in a vector; `more` as that of tk_runs, of ranks and counts, or NULL. */
tk_tensor *tk_kinds_of_bools(tk_tensor *t, int wanted, tk_tensor **more);
tk_tensor *tk_repeated_places(tk_tensor *counts);    /* i so often as counts[i] says, ascending */
/* [2, n]: rows and columns of the lower or upper triangle, as tk_triangle cuts it. */
tk_tensor *tk_triangle_places(int64_t rows, int64_t columns, int64_t diagonal, int upper);

/* -- made and filled ----------------------------------------------------------------------------- */
tk_tensor *tk_drawn(int kernel, int dtype, int ndim, const int64_t *shape, tk_generator *g,
                    double p, double q); /* tk_random */
/* cdef end */

#endif
