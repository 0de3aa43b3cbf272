INSTALL ?= install
PROBE_DIR := $(libdir)/memscope-top

#: install              installs under prefix=/usr/local (DESTDIR is respected)
.PHONY: install
install: all man/memscope-top.1 man/memscope-top.7
	$(INSTALL) -d $(DESTDIR)$(bindir) $(DESTDIR)$(PROBE_DIR) $(DESTDIR)$(mandir)/man1 \
	    $(DESTDIR)$(mandir)/man7 $(DESTDIR)$(docdir)
	$(INSTALL) -m 755 $(PROGRAM) $(DESTDIR)$(bindir)/memscope-top
	$(INSTALL) -m 644 $(PROBE) $(DESTDIR)$(PROBE_DIR)/libmemscope-probe.so
	$(INSTALL) -m 644 man/memscope-top.1 $(DESTDIR)$(mandir)/man1/memscope-top.1
	$(INSTALL) -m 644 man/memscope-top.7 $(DESTDIR)$(mandir)/man7/memscope-top.7
	$(INSTALL) -m 644 $(INSTALLED_DOCS) $(DESTDIR)$(docdir)
INSTALLED_DOCS := README.md CHANGELOG.md LICENSE docs/schema.json docs/config.example

#: uninstall            removes what install put there
.PHONY: uninstall
uninstall:
	rm -f $(DESTDIR)$(bindir)/memscope-top $(DESTDIR)$(PROBE_DIR)/libmemscope-probe.so \
	    $(DESTDIR)$(mandir)/man1/memscope-top.1 $(DESTDIR)$(mandir)/man7/memscope-top.7 \
	    $(addprefix $(DESTDIR)$(docdir)/,$(notdir $(INSTALLED_DOCS)))
	-rmdir $(DESTDIR)$(PROBE_DIR) $(DESTDIR)$(docdir) 2>/dev/null || :

#: dist                 dist/memscope-top-VERSION.tar.gz of the committed tree
.PHONY: dist
dist:
	@mkdir -p dist
	git archive --format=tar.gz --prefix=memscope-top-$(VERSION)/ \
	    -o dist/memscope-top-$(VERSION).tar.gz HEAD
	@echo dist/memscope-top-$(VERSION).tar.gz
