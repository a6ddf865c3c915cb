/* llhttp comes ready-made here; this file only gives its object library a member. */
typedef int artel_empty;
